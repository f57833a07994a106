"""Reads of an order by id: without the rules and the storage of writes, they start faster."""

from collections.abc import Callable
from functools import cache
from typing import Annotated

from shop.caller import Caller, require
from shop.depends import Depends
from shop.errors import NotFound
from shop.orders.items import find_order
from shop.orders.models import Order


class OrderReader:
    def __init__(self, find: Callable[[str, str], Order | None]) -> None:
        self._find = find

    def read(self, caller: Caller, user_id: str, order_id: str) -> Order:
        caller = caller.within("orders:read", "admin:orders:read")
        require(caller.may_act_for(user_id))
        order = self._find(user_id, order_id)
        if order is None:
            raise NotFound
        return order


@cache
def order_reader() -> OrderReader:
    return OrderReader(find_order)


OrderReads = Annotated[OrderReader, Depends(order_reader)]
