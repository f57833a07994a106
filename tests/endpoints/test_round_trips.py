"""AWS calls of each route in a warm sandbox, and the number of sequential waits."""

import importlib
from collections.abc import Iterator

import pytest

from shop.clients import dynamodb
from tests.benchmarks.costs.calls import Calls, counted
from tests.benchmarks.costs.routes import AUTHORIZER, function_of
from tests.benchmarks.costs.scenario import MEASURED, fill_shop, request
from tests.routes import BATCH, GET, expected_of
from tests.support.aws_mock import fresh_aws
from tests.support.gateway_events import Context

AUTHORIZER_WAITS = [BATCH]


@pytest.fixture(scope="module")
def filled() -> Iterator[None]:
    with fresh_aws():
        fill_shop()
        yield


@pytest.mark.parametrize("route", MEASURED)
def test_warm_request_waits_for_aws_as_often_as_documented(filled: None, route: str) -> None:
    handler = importlib.import_module(function_of(route).module).handler
    handler(request(route), Context())
    asked = request(route)
    waits = AUTHORIZER_WAITS if route == AUTHORIZER else expected_of(route).waits

    with counted(parallel=[calls_of(step) for step in waits]) as calls:
        response = handler(asked, Context())

    assert response.get("statusCode", 200) < 400, (
        f"{response}: change `body` or `query` of {route} in tests/routes.py to a valid request"
    )
    assert calls.steps() == waits, (
        f"wait less often, or change `waits` of {route} in tests/routes.py; then, for a route in "
        "docs/costs.json, run: make bench-costs"
    )


def calls_of(step: str) -> int:
    numbers = [call.partition(" ")[0] for call in step.split(" + ")]
    return sum(int(number) if number.isdigit() else 1 for number in numbers)


def test_parallel_calls_are_one_step() -> None:
    calls = Calls()
    calls.began("A")
    first = calls.began("B")
    calls.ended(first)
    calls.began("C")

    assert calls.steps() == ["A + B", "C"]


def test_sdk_retry_is_counted_as_a_call(filled: None) -> None:
    with counted() as calls:
        for _ in range(2):
            dynamodb().get_item(TableName="users_table", Key={"id": {"S": "nobody"}})

    assert calls.steps() == [GET, GET]
