"""gql for Python on a deployed stack, with documents that it validates by introspection."""

from typing import Any
from uuid import uuid4

import pytest
from gql import Client, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.requests import RequestsHTTPTransport

from tests.support.deployed_shop import DeployedShop, Person

PLACE = gql(
    "mutation Place($input: PlaceOrderInput!) { placeOrder(input: $input)"
    " { order { id total } userErrors { code field } } }"
)


def client_of(shop: DeployedShop, person: Person, **headers: str) -> Client:
    sent = {"Authorization": f"Bearer {person.grant['accessToken']}"}
    sent |= {name.replace("_", "-"): text for name, text in headers.items()}
    transport = RequestsHTTPTransport(url=f"{shop.url}/graphql", headers=sent, timeout=60)
    return Client(transport=transport, fetch_schema_from_transport=True)


def test_gql_places_an_order_once(
    shop: DeployedShop, person: Person, product: dict[str, Any]
) -> None:
    PLACE.variable_values = {"input": {"items": [{"productId": product["id"], "quantity": 2}]}}

    with client_of(shop, person, Idempotency_Key=uuid4().hex) as session:
        first, second = (session.execute(PLACE)["placeOrder"] for _ in range(2))
        me = session.execute(gql("{ me { orders(first: 1) { nodes { id } } } }"))["me"]

    assert first["userErrors"] == []
    assert second == first
    assert me["orders"]["nodes"] == [{"id": first["order"]["id"]}]


def test_gql_reports_errors_by_their_code(shop: DeployedShop, person: Person) -> None:
    with client_of(shop, person) as session, pytest.raises(TransportQueryError) as raised:
        session.execute(gql("{ me { id } users { totalCount } }"))

    (error,) = raised.value.errors or [{}]
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert raised.value.data == {"me": {"id": person.id}, "users": None}
