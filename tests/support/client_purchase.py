"""A purchase with the generated Python client, in its environment; exits non-zero on failure."""

import json
import os
from uuid import uuid4

from shop_client import (
    ApiClient,
    Configuration,
    OrderLinePlace,
    OrderPlace,
    OrdersApi,
    OrderStatus,
    OrderUpdate,
    ProductCreate,
    ProductsApi,
    SessionCreate,
    SessionsApi,
    UserCreate,
    UsersApi,
)
from shop_client.exceptions import ConflictException

STACK = json.loads(os.environ["SHOP_STACK"])


def logged_in(email: str, password: str) -> ApiClient:
    session = SessionCreate(email=email, password=password)
    grant = SessionsApi(ApiClient(Configuration(host=STACK["url"]))).create_session(session)
    return ApiClient(Configuration(host=STACK["url"], access_token=grant.access_token))


def main() -> None:
    pear = ProductsApi(logged_in(**STACK["admin"])).create_product(
        ProductCreate(sku=f"P-{uuid4()}", name="A pear", price="19.90", currency="EUR", stock=3),
    )

    ada = {"email": f"ada.{uuid4()}@example.com", "password": "a long walk by the river"}
    anonymous = ApiClient(Configuration(host=STACK["url"]))
    UsersApi(anonymous).create_user(UserCreate(name="Ada Lovelace", **ada))
    http = logged_in(**ada)
    assert pear in ProductsApi(http).list_products(sort="-createdAt").data

    def place(quantity: int, key: str) -> str:
        lines = [OrderLinePlace(product_id=pear.id, quantity=quantity)]
        return str(OrdersApi(http).place_order("me", OrderPlace(items=lines), key).id)

    order = place(2, "first")
    assert place(2, "first") == order
    (listed,) = OrdersApi(http).list_orders("me").data
    assert str(listed.id) == order
    assert (listed.total, listed.status) == ("39.80", OrderStatus.PENDING)

    try:
        place(2, "second")
    except ConflictException as rejection:
        assert rejection.data.error.code == "INSUFFICIENT_STOCK"
        assert rejection.data.error.details[0].var_field == "body.items.0.quantity"
    else:
        raise AssertionError("more was sold than there is")

    cancel = OrderUpdate(status=OrderStatus.CANCELLED)
    assert OrdersApi(http).update_order("me", order, cancel).status == OrderStatus.CANCELLED


main()
