"""The pages of an export: within the limits of Lambda, and every order once."""

import json
from collections.abc import Iterator
from copy import replace
from typing import Any
from urllib.parse import quote

import pytest

from functions.users.get_personal_data import handler
from shop.caller import Caller, Role
from shop.identifiers import new_id
from shop.orders.items import find_orders
from shop.orders.models import Order
from shop.users.models import User
from tests.benchmarks.lists import dataset, fill
from tests.support.aws_mock import fresh_aws
from tests.support.gateway_events import Context, event
from tests.support.stored_shop import keep, place, sign_up

MAX_RESPONSE = 6 * 1024 * 1024  # bytes of JSON, the limit of Lambda
ORDERS, LINES = 1_203, 50

# Any: the response of the gateway is JSON.
type Json = dict[str, Any]


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


def get(user: User, cursor: str | None = None) -> Json:
    """Return the response within the 10 s of a request, 9.5 s of which are for the work."""
    caller = Caller(user.id, new_id(), Role.CUSTOMER)
    query = None if cursor is None else {"cursor": cursor}
    route = "GET /api/users/{userId}/personal-data"
    sent = event(route, {"userId": "me"}, query=query, caller=caller)
    response: Json = handler(sent, Context(milliseconds=10_000))
    assert response["statusCode"] == 200, response
    return response


def pages(user: User) -> Iterator[tuple[Json, int]]:
    """Yield the pages, each with the bytes of the response that Lambda returns."""
    cursor = None
    while True:
        response = get(user, cursor)
        page = json.loads(response["body"])
        yield page, len(json.dumps(response, ensure_ascii=False).encode())
        cursor = page["meta"]["nextCursor"]
        if cursor is None:
            return
        assert quote(cursor) == cursor


def large_orders(user: User) -> list[Order]:
    """Return orders of as many lines as possible, with names that JSON escapes twice."""
    order = dataset.order(1, user.id, LINES)
    lines = [replace(line, sku="S" * 64, name='"' * 100) for line in order.lines]
    order = replace(order, lines=lines, note='"' * 500)
    return [replace(order, id=new_id()) for _ in range(ORDERS)]


@pytest.mark.dynamodb_local  # moto takes a minute
def test_orders_are_on_pages_within_the_limits_each_once() -> None:
    ada, other = sign_up(), sign_up()
    orders = large_orders(ada)
    fill.add_orders(orders)
    place(other, keep())

    found = [*pages(ada)]

    sizes = [size for _, size in found]
    assert max(sizes) < MAX_RESPONSE, sizes
    ids = [order["id"] for page, _ in found for order in page["orders"]]
    assert ids == sorted(order.id for order in orders)
    assert all(len(order["items"]) == LINES for page, _ in found for order in page["orders"])
    assert [page["user"] is None for page, _ in found] == [False] + [True] * (len(found) - 1)


def test_order_placed_between_two_pages_is_on_the_last_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shop.personal_data.repository.MAX_ORDERS", 2)
    ada, pear = sign_up(), keep()
    placed = [place(ada, pear).id for _ in range(3)]

    export = pages(ada)
    first, _ = next(export)
    placed.append(place(ada, pear).id)
    rest = [order["id"] for page, _ in export for order in page["orders"]]

    assert [*(order["id"] for order in first["orders"]), *rest] == placed


def test_summary_row_is_no_order() -> None:
    ada, pear = sign_up(), keep()
    placed = [place(ada, pear) for _ in range(2)]

    assert find_orders(ada.id, None, limit=3) == (placed, None, ())
    assert find_orders(ada.id, placed[0].id, limit=3) == (placed[1:], None, ())
    assert find_orders(ada.id, placed[1].id, limit=3) == ([], None, ())
