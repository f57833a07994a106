"""RPCs of the deployed stack in every protocol, and the same operations over REST."""

import gzip
import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from tests.support.deployed_shop import DeployedShop, Person, new_product
from tests.support.rpc_calls import (
    FACES,
    FRAMED,
    Outcome,
    body_of,
    frame,
    headers_of,
    message_of,
    outcome_of,
)

type Fields = dict[str, Any]

BINARY = ("connect", "grpc-web", "grpc")


@pytest.fixture(scope="module")
def person(shop: DeployedShop) -> Person:
    return shop.sign_up()


@pytest.fixture(scope="module")
def product(shop: DeployedShop) -> Fields:
    return shop.product(stock=1000)


def send(
    client: httpx2.Client,
    method: str,
    body: bytes,
    face: str,
    headers: Mapping[str, str | None] | None = None,
) -> httpx2.Response:
    """Post a body; a header of None is not sent, though HTTPX has a default for it."""
    sent = headers_of(face) | dict(headers or {})
    request = client.build_request("POST", f"/shop.v1.{method}", content=body)
    for name in ("Accept", "Accept-Encoding"):
        del request.headers[name]
    request.headers.update({name: text for name, text in sent.items() if text is not None})
    return client.send(request)


def outcome_of_sent(
    client: httpx2.Client, method: str, body: bytes, face: str, headers: Mapping[str, str | None]
) -> Outcome:
    response = send(client, method, body, face, headers)
    return outcome_of(face, method, response.status_code, dict(response.headers), response.content)


def call(
    client: httpx2.Client,
    method: str,
    fields: Mapping[str, Any] | None = None,
    face: str = "connect-json",
    **headers: str | None,
) -> Outcome:
    outcome, _ = call_with_headers(client, method, fields, face, **headers)
    return outcome


def call_with_headers(
    client: httpx2.Client,
    method: str,
    fields: Mapping[str, Any] | None = None,
    face: str = "connect-json",
    **headers: str | None,
) -> tuple[Outcome, httpx2.Headers]:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    body = body_of(face, message_of(method, fields or {}))
    response = send(client, method, body, face, named)
    found = outcome_of(face, method, response.status_code, dict(response.headers), response.content)
    return found, response.headers


def fields_of(outcome: Outcome) -> Fields:
    assert outcome.code == "ok", outcome
    message: Message | None = outcome.message
    assert message is not None
    return MessageToDict(message, always_print_fields_with_no_presence=True)


def order_of(outcome: Outcome) -> Fields:
    order: Fields = fields_of(outcome)["order"]
    return order


@pytest.mark.parametrize("face", FACES)
def test_customer_orders_reads_and_cancels(shop: DeployedShop, product: Fields, face: str) -> None:
    person = shop.sign_up()
    items = [{"productId": product["id"], "quantity": 2}]
    before = shop.stock(product)
    assert before is not None

    found = fields_of(
        call(shop.anonymous, "ProductService/GetProduct", {"productId": product["id"]}, face)
    )
    listed = fields_of(call(shop.anonymous, "ProductService/ListProducts", {"limit": 1}, face))
    user = fields_of(call(person.http, "UserService/GetUser", {}, face))
    renamed = fields_of(
        call(
            person.http,
            "UserService/UpdateUser",
            {"name": "Grace Hopper", "etag": user["etag"]},
            face,
        )
    )
    placed = call(person.http, "OrderService/PlaceOrder", {"items": items, "note": "Ring."}, face)
    order = order_of(placed)
    reserved = shop.stock(product)
    read = call(person.http, "OrderService/GetOrder", {"orderId": order["id"]}, face)
    orders = fields_of(call(person.http, "OrderService/ListOrders", {"status": "pending"}, face))
    cancelled = order_of(
        call(
            person.http,
            "OrderService/UpdateOrder",
            {"orderId": order["id"], "status": "cancelled", "etag": fields_of(placed)["etag"]},
            face,
        )
    )

    assert found["product"]["name"] == product["name"]
    assert len(listed["products"]) == 1
    assert (user["user"]["id"], user["user"]["emailVerified"]) == (person.id, False)
    assert renamed["user"]["name"] == "Grace Hopper" and renamed["etag"] != user["etag"]
    assert (order["userId"], order["note"], reserved) == (person.id, "Ring.", before - 2)
    assert order_of(read) == order == orders["orders"][0]
    assert cancelled["status"] == "ORDER_STATUS_CANCELLED"
    assert shop.stock(product) == before


@pytest.mark.parametrize("face", FACES)
def test_admin_manages_products_users_and_orders(
    shop: DeployedShop, person: Person, face: str
) -> None:
    admin = shop.admin.http
    created = fields_of(call(admin, "ProductService/CreateProduct", new_product(), face))
    id_ = created["product"]["id"]
    changed = fields_of(
        call(admin, "ProductService/UpdateProduct", {"productId": id_, "stockDelta": -3}, face)
    )
    deleted = call(admin, "ProductService/DeleteProduct", {"productId": id_}, face)
    users = fields_of(
        call(admin, "UserService/ListUsers", {"limit": 2, "sort": "-createdAt"}, face)
    )
    orders = fields_of(call(admin, "OrderService/ListAllOrders", {"limit": 2}, face))
    user = fields_of(call(admin, "UserService/GetUser", {"userId": person.id}, face))

    assert (created["product"]["stock"], changed["product"]["stock"]) == ("10", "7")
    assert deleted.code == "ok"
    assert shop.anonymous.get(f"/api/products/{id_}").status_code == 404
    assert len(users["users"]) == 2 and users["nextCursor"]
    assert len(orders["orders"]) <= 2
    assert user["user"]["email"] == person.email


@pytest.mark.parametrize("face", FACES)
def test_key_means_one_order_over_rpc_and_rest(
    shop: DeployedShop, person: Person, product: Fields, face: str
) -> None:
    key = str(uuid4())
    items = [{"productId": product["id"], "quantity": 1}]
    placed = order_of(
        call(person.http, "OrderService/PlaceOrder", {"items": items}, face, Idempotency_Key=key)
    )

    over_rest = person.order((product["id"], 1), key=key)
    again, headers = call_with_headers(
        person.http,
        "OrderService/PlaceOrder",
        {"userId": person.id, "items": items},
        face,
        Idempotency_Key=key,
    )
    stock = shop.stock(product)
    other = call(
        person.http,
        "OrderService/PlaceOrder",
        {"items": [items[0] | {"quantity": 2}]},
        face,
        Idempotency_Key=key,
    )

    assert over_rest.status_code == 201
    assert over_rest.headers["Idempotent-Replayed"] == headers["Idempotent-Replayed"] == "true"
    assert over_rest.json()["id"] == order_of(again)["id"] == placed["id"]
    assert over_rest.headers["Location"].endswith(placed["id"])
    assert (other.code, other.reason) == ("invalid_argument", "IDEMPOTENCY_KEY_REUSED")
    assert shop.stock(product) == stock


def test_order_placed_over_rest_is_replayed_in_every_protocol(
    person: Person, product: Fields
) -> None:
    key = str(uuid4())
    placed = person.order((product["id"], 1), key=key).json()
    items = [{"productId": product["id"], "quantity": 1}]

    for face in FACES:
        again = call(
            person.http, "OrderService/PlaceOrder", {"items": items}, face, Idempotency_Key=key
        )
        assert order_of(again)["id"] == placed["id"]


@pytest.mark.parametrize("face", FACES)
def test_pages_are_walked_by_cursors(shop: DeployedShop, face: str) -> None:
    query: Fields = {"limit": 1, "sort": "createdAt"}
    first = fields_of(call(shop.admin.http, "UserService/ListUsers", query, face))

    second = call(
        shop.admin.http, "UserService/ListUsers", query | {"cursor": first["nextCursor"]}, face
    )
    foreign = call(
        shop.admin.http,
        "UserService/ListUsers",
        query | {"sort": "name", "cursor": first["nextCursor"]},
        face,
    )

    assert fields_of(second)["users"][0]["id"] != first["users"][0]["id"]
    assert (foreign.code, foreign.reason) == ("invalid_argument", "BAD_REQUEST")


@pytest.mark.parametrize("face", FACES)
def test_refusals_have_their_codes_and_change_nothing(
    shop: DeployedShop, person: Person, product: Fields, face: str
) -> None:
    pear = shop.product(stock=1)
    order = person.order((product["id"], 1)).json()
    before = shop.everything()
    few = [{"productId": pear["id"], "quantity": 2}]
    gone = [{"productId": str(uuid4()), "quantity": 1}]
    admin, place = shop.admin.http, "OrderService/PlaceOrder"
    twice = {**new_product(), "sku": pear["sku"]}
    refused = [
        call(person.http, place, {"items": few}, face),
        call(person.http, place, {"items": gone}, face),
        call(person.http, place, {}, face),
        call(person.http, "OrderService/GetOrder", {"orderId": str(uuid4())}, face),
        call(person.http, "OrderService/GetOrder", {"orderId": "no id"}, face),
        call(
            person.http,
            "OrderService/UpdateOrder",
            {"orderId": order["id"], "status": "completed"},
            face,
        ),
        call(
            person.http,
            "OrderService/UpdateOrder",
            {"orderId": order["id"], "note": "x", "etag": '"99"'},
            face,
        ),
        call(
            admin,
            "OrderService/UpdateOrder",
            {"userId": person.id, "orderId": order["id"], "status": "pending"},
            face,
        ),
        call(admin, "ProductService/CreateProduct", twice, face),
        call(person.http, "UserService/ListUsers", {}, face),
    ]

    assert [(it.code, it.reason) for it in refused] == [
        ("failed_precondition", "INSUFFICIENT_STOCK"),
        ("failed_precondition", "PRODUCT_UNAVAILABLE"),
        ("invalid_argument", "VALIDATION_ERROR"),
        ("not_found", "NOT_FOUND"),
        ("not_found", "NOT_FOUND"),
        ("permission_denied", "FORBIDDEN"),
        ("aborted", "PRECONDITION_FAILED"),
        ("failed_precondition", "INVALID_TRANSITION"),
        ("already_exists", "SKU_IN_USE"),
        ("permission_denied", "FORBIDDEN"),
    ]
    assert refused[0].details["BadRequest"].field_violations[0].field.startswith("items[0]")
    assert shop.everything() == before


@pytest.mark.parametrize("face", FACES)
def test_malformed_calls_are_rejected_and_change_nothing(
    shop: DeployedShop, person: Person, product: Fields, face: str
) -> None:
    items = [{"productId": product["id"], "quantity": 1}]
    valid = body_of(face, message_of("OrderService/PlaceOrder", {"items": items}))
    unknown = "grpc-encoding" if face in FRAMED else "content-encoding"
    before = shop.everything()
    bodies: list[tuple[bytes, dict[str, str | None], str]] = [
        (b"\xff\xff\xff", {}, "invalid_argument"),
        (valid[:-1] if face != "connect" else valid[:-2], {}, "invalid_argument"),
        (valid, {unknown: "br"}, "unimplemented"),
        (
            valid,
            {"Content-Encoding": "gzip"},
            "unimplemented" if face in FRAMED else "invalid_argument",
        ),
        (valid, {"Idempotency-Key": "a b"}, "invalid_argument"),
        (_huge(face), {}, "resource_exhausted"),
    ]
    if face in FRAMED:
        bodies.append((b"", {}, "invalid_argument"))
    if face in BINARY:
        bodies.append((valid, {"Accept": None}, "invalid_argument"))
    for body, headers, code in bodies:
        found = outcome_of_sent(person.http, "OrderService/PlaceOrder", body, face, headers)
        assert found.code == code, (headers, body[:20], found)

    assert shop.everything() == before


def _huge(face: str) -> bytes:
    return body_of(face, message_of("OrderService/PlaceOrder", {"note": "x" * 1024 * 1024}))


@pytest.mark.parametrize("face", FACES)
def test_gzip_is_accepted_and_a_bomb_rejected(
    shop: DeployedShop, person: Person, product: Fields, face: str
) -> None:
    message = message_of(
        "OrderService/PlaceOrder", {"items": [{"productId": product["id"], "quantity": 1}]}
    )
    bomb = message_of("OrderService/PlaceOrder", {"note": "x" * 64 * 1024 * 1024})

    def compressed(sent: Message) -> Outcome:
        if face in FRAMED:
            body = frame(gzip.compress(sent.SerializeToString()), 1)
            body = b64encode(body) if face == "grpc-web-text" else body
            headers: dict[str, str | None] = {"Grpc-Encoding": "gzip"}
        else:
            body, headers = gzip.compress(body_of(face, sent)), {"Content-Encoding": "gzip"}
        return outcome_of_sent(person.http, "OrderService/PlaceOrder", body, face, headers)

    placed = compressed(message)
    before = shop.everything()
    rejected = compressed(bomb)

    assert order_of(placed)["userId"] == person.id
    assert (rejected.code, rejected.reason) == ("resource_exhausted", "PAYLOAD_TOO_LARGE")
    assert shop.everything() == before


@pytest.mark.parametrize("media_type", ["application/connect+json", "application/connect+proto"])
def test_streams_of_connect_are_unimplemented(person: Person, media_type: str) -> None:
    response = send(
        person.http, "UserService/GetUser", frame(b"{}"), "connect", {"Content-Type": media_type}
    )

    assert (response.status_code, response.json()["code"]) == (415, "unimplemented")


@pytest.mark.parametrize("face", FACES)
def test_third_party_token_needs_the_scope_of_the_route(shop: DeployedShop, face: str) -> None:
    client = shop.oauth_client()

    def app(scope: str) -> httpx2.Client:
        credentials = {"client_id": client["id"], "client_secret": client["secret"]}
        form = {"grant_type": "client_credentials", "scope": scope, **credentials}
        return shop.client(shop.anonymous.post("/oauth/token", data=form).json()["access_token"])

    reading = app("admin:orders:read")
    before = shop.everything()
    listed = call(reading, "OrderService/ListAllOrders", {"limit": 1}, face)
    refused = [
        call(reading, "UserService/ListUsers", {}, face),
        call(reading, "ProductService/CreateProduct", new_product(), face),
        call(reading, "UserService/UpdateUser", {"name": "Robot"}, face),
    ]

    assert listed.code == "ok"
    assert [(it.code, it.reason) for it in refused] == [
        ("permission_denied", "INSUFFICIENT_SCOPE")
    ] * 3
    assert shop.everything() == before


@pytest.mark.parametrize("face", FACES)
def test_call_without_a_token_gets_the_error_of_the_gateway(shop: DeployedShop, face: str) -> None:
    """Clients read the code from the status, since the gateway knows no protocol of RPCs."""
    body = body_of(face, message_of("UserService/GetUser", {}))

    for token in (None, "Bearer a.b.c"):
        response = send(shop.anonymous, "UserService/GetUser", body, face, {"Authorization": token})
        assert response.status_code == 401
        assert response.json()["error"]["code"] == "UNAUTHORIZED"


def test_unknown_method_is_not_found(shop: DeployedShop) -> None:
    for path in ("/shop.v1.OrderService/DeleteOrder", "/shop.v2.OrderService/GetOrder"):
        response = shop.anonymous.post(path, json={})
        assert response.status_code == 404
    assert shop.anonymous.get("/shop.v1.ProductService/ListProducts").status_code == 404


def test_browsers_may_call_from_an_allowed_origin(shop: DeployedShop) -> None:
    path = "/shop.v1.ProductService/ListProducts"
    asked = {
        "Origin": shop.origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "connect-protocol-version,content-type,x-grpc-web",
    }
    preflight = shop.anonymous.options(path, headers=asked)
    response = send(
        shop.anonymous,
        "ProductService/ListProducts",
        b"{}",
        "connect-json",
        {"Origin": shop.origin},
    )

    allowed = preflight.headers["Access-Control-Allow-Headers"].lower()
    for name in ("connect-protocol-version", "connect-timeout-ms", "x-grpc-web", "grpc-timeout"):
        assert name in allowed
    assert preflight.headers["Access-Control-Allow-Origin"] == shop.origin
    assert response.headers["Access-Control-Allow-Origin"] == shop.origin
    exposed = response.headers["Access-Control-Expose-Headers"].lower()
    assert all(
        name in exposed for name in ("grpc-status", "grpc-message", "grpc-status-details-bin")
    )


def test_messages_are_served(shop: DeployedShop) -> None:
    response = shop.anonymous.get("/docs/shop.proto")

    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "service OrderService {" in response.text


def test_errors_of_connect_are_json_that_people_can_read(person: Person) -> None:
    body = json.dumps({"orderId": str(uuid4())}).encode()

    response = send(person.http, "OrderService/GetOrder", body, "connect-json")

    error = response.json()
    assert (response.status_code, error["code"], error["message"]) == (
        404,
        "not_found",
        "Not found.",
    )
    assert error["details"][0]["debug"] == {"reason": "NOT_FOUND", "domain": "shop"}
    assert response.headers["X-Request-Id"] == error["details"][1]["debug"]["requestId"]
