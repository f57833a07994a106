"""The overhead of a warm request in function calls, which machine load does not change.

`make bench` measures time. Each bound is 10 % above its value when it was set; raising it makes
every request slower by a known amount.
"""

import sys
from collections.abc import Callable, Mapping
from copy import replace
from importlib import import_module
from typing import Any

import pytest
from botocore.client import BaseClient

from shop.dynamo import tables
from shop.dynamo.codec import encode
from shop.products.models import ProductStatus
from shop.products.repository import product_to_item
from shop.users.repository import user_to_item
from tests.benchmarks.lists import dataset
from tests.support.fixtures import ALICE
from tests.support.gateway_events import Context, event
from tests.support.log_lines import LogLines

HEADERS = {
    "Accept": "application/json",
    "Host": "abc123.execute-api.us-east-1.amazonaws.com",
    "User-Agent": "curl/8.7.1",
    "X-Forwarded-For": "192.0.2.10",
}
USER = replace(dataset.user(1), id=ALICE.id)
PRODUCTS = [
    replace(dataset.product(number), stock=99, status=ProductStatus.ACTIVE) for number in range(3)
]


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that has the user and the products, and accepts every order."""
    responses: Mapping[str, Any] = {
        "GetItem": {"Item": encode(user_to_item(USER))},
        "BatchGetItem": {
            "Responses": {tables.products(): [encode(product_to_item(it)) for it in PRODUCTS]}
        },
        "TransactWriteItems": {},
    }
    monkeypatch.setattr(BaseClient, "_make_api_call", lambda _, name, __: responses[name])


def calls(work: Callable[[], object]) -> int:
    """Count Python and C calls of the second request, after all caches are filled."""
    work()
    count = 0

    def seen(_: object, what: str, __: object) -> None:
        nonlocal count
        count += what in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def test_reading_a_user_stays_within_its_call_limit(log: LogLines) -> None:
    get_user = import_module("functions.users.get_user").handler
    asked = event("GET /api/users/{userId}", {"userId": ALICE.id}, headers=HEADERS, caller=ALICE)

    number = calls(lambda: get_user(asked, Context()))

    assert [line["status"] for line in log()] == [200, 200]
    assert number <= 370


def test_placing_an_order_of_three_lines_stays_within_its_call_limit(log: LogLines) -> None:
    place_order = import_module("functions.orders.place_order").handler
    asked = event(
        "POST /api/users/{userId}/orders",
        {"userId": ALICE.id},
        body={
            "items": [{"productId": it.id, "quantity": 2} for it in PRODUCTS],
            "note": "Please ring twice.",
        },
        headers=HEADERS | {"Idempotency-Key": "a-key"},
        caller=ALICE,
    )

    number = calls(lambda: place_order(asked, Context()))

    assert [line["status"] for line in log()] == [201, 201]
    assert number <= 1200
