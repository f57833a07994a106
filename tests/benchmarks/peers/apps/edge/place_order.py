"""POST /api/users/{userId}/orders, with one conditional write like the peers."""

import edge_store
from edge_schemas import Order

from shop.caller import Caller, require
from shop.entrypoints.http import endpoint
from shop.errors import Forbidden
from shop.orders.schemas import OrderPlace
from shop.users.schemas import UserId


@endpoint("POST /api/users/{userId}/orders", status=201, raises=(Forbidden,))
def handler(user_id: UserId, payload: OrderPlace, caller: Caller) -> Order:
    """Place the order with one write."""
    require(caller.may_act_for(user_id))
    return Order(**edge_store.place(user_id, payload.model_dump()["items"], payload.note))
