"""AWS calls of each route in a warm sandbox, and the number of sequential waits."""

import importlib
from collections.abc import Iterator

import pytest

from shop.clients import dynamodb
from tests.benchmarks.costs.calls import Calls, counted
from tests.benchmarks.costs.routes import function_of
from tests.benchmarks.costs.scenario import AUTHORIZER, REQUESTS, fill_shop, request
from tests.support.aws_mock import fresh_aws
from tests.support.gateway_events import Context
from tests.support.sam_template import functions

GET, QUERY, BATCH = "GetItem", "Query", "BatchGetItem"
WRITE, SEND = "TransactWriteItems", "SendMessage"

# One entry per wait of the request, with the calls made in parallel.
ROUND_TRIPS: dict[str, list[str]] = {
    AUTHORIZER: [BATCH],
    "POST /api/users": [WRITE, WRITE],
    "GET /api/users/{userId}": [GET],
    "GET /api/users": ["8 Query", BATCH],
    "PUT /api/users/{userId}": [GET, WRITE, WRITE],
    "PATCH /api/users/{userId}": [GET, WRITE, WRITE],
    "DELETE /api/users/{userId}": [GET, QUERY, GET, QUERY, WRITE, "4 Query"],
    "PUT /api/users/{userId}/password": [GET, WRITE, WRITE, GET, BATCH, WRITE],
    "POST /api/sessions": [BATCH, WRITE, QUERY, WRITE],
    "POST /api/access-tokens": [BATCH, "UpdateItem"],
    "GET /api/sessions": [QUERY],
    "DELETE /api/sessions/{sessionId}": [WRITE],
    "DELETE /api/sessions": [WRITE],
    "GET /.well-known/jwks.json": [],
    "POST /api/email-verifications": [WRITE, SEND],
    "PUT /api/email-verifications/{token}": [GET, GET, WRITE],
    "POST /api/password-resets": [WRITE, SEND],
    "PUT /api/password-resets/{token}": [GET, GET, GET, GET, WRITE],
    "GET /recovery": [],
    "POST /api/products": [GET, WRITE],
    "GET /api/products/{productId}": [GET],
    "GET /api/products": [QUERY, BATCH, BATCH],
    "PATCH /api/products/{productId}": [GET, WRITE],
    "DELETE /api/products/{productId}": [GET, WRITE],
    "POST /api/users/{userId}/orders": [BATCH, WRITE],
    "GET /api/users/{userId}/orders/{orderId}": [GET],
    "PATCH /api/users/{userId}/orders/{orderId}": [GET, BATCH, WRITE],
    "GET /api/users/{userId}/orders": [QUERY, GET],
    "GET /api/orders": ["8 Query", "8 Query", BATCH, BATCH],
    "GET /health": [],
    "GET /ready": [],  # checks once in 5 s
    "GET /openapi.json": [],
    "GET /": [],
    "GET /docs": [],
    "GET /docs/{asset}": [],
    "OPTIONS /{proxy+}": [],
}


@pytest.fixture(scope="module")
def filled() -> Iterator[None]:
    with fresh_aws():
        fill_shop()
        yield


def test_every_route_has_documented_round_trips() -> None:
    routes = {function.route for function in functions() if function.route}

    assert ROUND_TRIPS.keys() == {*routes, AUTHORIZER}, "add the route to ROUND_TRIPS in this file"
    assert REQUESTS.keys() == {*routes, AUTHORIZER}, (
        "add a request of the route to REQUESTS in tests/benchmarks/costs/scenario.py"
    )


@pytest.mark.parametrize("route", ROUND_TRIPS)
def test_warm_request_waits_for_aws_as_often_as_documented(filled: None, route: str) -> None:
    handler = importlib.import_module(function_of(route).module).handler
    handler(request(route), Context())
    asked = request(route)

    with counted(parallel=[calls_of(step) for step in ROUND_TRIPS[route]]) as calls:
        response = handler(asked, Context())

    assert response.get("statusCode", 200) < 400, response
    assert calls.steps() == ROUND_TRIPS[route], (
        "wait less often, or change the row in ROUND_TRIPS of this file and run: make bench-costs"
    )


def calls_of(step: str) -> int:
    number, _, _ = step.partition(" ")
    return int(number) if number.isdigit() else 1


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
