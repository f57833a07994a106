"""GraphQL requests, and the route of REST that each root field and relation stands for."""

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

from shop.caller import Caller
from tests.support.gateway_events import Context, event

ROUTE = "POST /graphql"
GRAPHQL_JSON = "application/graphql-response+json"
TWINS: Mapping[str, str] = {
    "Query.me": "GET /api/users/{userId}",
    "Query.user": "GET /api/users/{userId}",
    "Query.users": "GET /api/users",
    "Query.product": "GET /api/products/{productId}",
    "Query.products": "GET /api/products",
    "Query.order": "GET /api/users/{userId}/orders/{orderId}",
    "Query.orders": "GET /api/orders",
    "User.orders": "GET /api/users/{userId}/orders",
    "Order.user": "GET /api/users/{userId}",
    "OrderLine.product": "GET /api/products/{productId}",
    "Mutation.placeOrder": "POST /api/users/{userId}/orders",
    "Mutation.updateOrder": "PATCH /api/users/{userId}/orders/{orderId}",
    "Mutation.createProduct": "POST /api/products",
    "Mutation.updateProduct": "PATCH /api/products/{productId}",
    "Mutation.deleteProduct": "DELETE /api/products/{productId}",
    "Mutation.updateUser": "PATCH /api/users/{userId}",
}


class Outcome(NamedTuple):
    """A response of GraphQL over HTTP, or an error of the API."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def data(self) -> Any:
        assert (self.status, self.body.get("errors")) == (200, None), self.body
        return self.body["data"]

    @property
    def codes(self) -> list[str]:
        return [it["extensions"]["code"] for it in self.body["errors"]]


def call(
    query: str,
    caller: Caller | None,
    variables: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    milliseconds: int = 10_000,
    **members: Any,
) -> Outcome:
    """Send a document to the handler."""
    body = {"query": query, "variables": variables, **members}
    return send(event(ROUTE, body=body, headers=headers, caller=caller), milliseconds)


def send(given: Mapping[str, Any], milliseconds: int = 10_000) -> Outcome:
    handler = import_module("functions.graphql.execute_graph_ql").handler
    response = handler(given, Context(milliseconds=milliseconds))
    return Outcome(response["statusCode"], response["headers"], json.loads(response["body"]))
