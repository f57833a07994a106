"""POST /api/users/{userId}/orders, with one conditional write like the peers."""

import edge_store
from edge_schemas import Line, Order

from shop.caller import Caller, require
from shop.entrypoints.http import endpoint
from shop.errors import Forbidden
from shop.orders.requests import OrderPlace
from shop.users.parameters import UserId


@endpoint("POST /api/users/{userId}/orders", status=201, raises=(Forbidden,))
def handler(user_id: UserId, payload: OrderPlace, caller: Caller) -> Order:
    """Place the order with one write."""
    require(caller.may_act_for(user_id))
    order = edge_store.place(user_id, payload.model_dump()["items"], payload.note)
    return Order(
        id=order["id"],
        user_id=order["userId"],
        status=order["status"],
        items=[Line(product_id=it.product_id, quantity=it.quantity) for it in payload.items],
        note=order["note"],
        created_at=order["createdAt"],
    )
