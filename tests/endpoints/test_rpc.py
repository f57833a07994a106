"""RPCs are the requests of REST that they stand for, in every protocol."""

import gzip
import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict

from shop.caller import App, Caller
from shop.clients import dynamodb
from shop.entrypoints.http import Endpoint
from shop.json_names import to_camel
from shop.rpc.v1.shop_pb2 import ListOrdersRequest, UpdateProductRequest
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import ADMIN, ALICE, BOB
from tests.support.gateway_events import Context, event
from tests.support.log_lines import LogLines
from tests.support.rpc_calls import (
    FACES,
    FRAMED,
    Outcome,
    body_of,
    frame,
    headers_of,
    message_of,
    outcome_of,
    types_of,
)
from tests.support.sam_template import functions
from tests.support.sample_items import add_examples

ADA = Caller("0190a6b2-7c9e-7b1a-8f00-0000000000a1", ALICE.session_id, ALICE.role)
ALAN = Caller("0190a6b2-7c9e-7b1a-8f00-0000000000ad", ADMIN.session_id, ADMIN.role)
PRODUCT = "0190a6b2-7c9e-7b1a-8f00-0000000000b1"
ORDER = "0190a6b2-7c9e-7b1a-8f00-0000000000c1"
BINARY = ("connect", "grpc-web", "grpc")
METHODS = {it.rpc.rpartition(".")[2]: it for it in functions() if it.rpc}
# A valid call of each method that changes nothing, and its caller.
READS: Mapping[str, tuple[dict[str, Any], Caller | None]] = {
    "UserService/GetUser": ({}, ADA),
    "UserService/ListUsers": ({"status": "USER_STATUS_ACTIVE", "sort": "SORT_EMAIL_ASC"}, ALAN),
    "ProductService/GetProduct": ({"productId": PRODUCT}, None),
    "ProductService/ListProducts": ({"sort": "SORT_PRICE_DESC", "limit": 3}, None),
    "OrderService/GetOrder": ({"userId": ADA.id, "orderId": ORDER}, ADA),
    "OrderService/ListOrders": ({"userId": "me", "sort": "SORT_TOTAL_ASC"}, ADA),
    "OrderService/ListAllOrders": ({"status": "ORDER_STATUS_PENDING"}, ALAN),
}

type Fields = dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        add_examples()
        yield


def endpoint_of(method: str) -> Endpoint:
    endpoint: Endpoint = import_module(METHODS[method].module).handler
    return endpoint


def call(
    method: str,
    fields: Fields | bytes,
    caller: Caller | None = ADA,
    face: str = "connect-json",
    **headers: str,
) -> Outcome:
    outcome, _ = call_with_headers(method, fields, caller, face, **headers)
    return outcome


def call_with_headers(
    method: str,
    fields: Fields | bytes,
    caller: Caller | None = ADA,
    face: str = "connect-json",
    **headers: str,
) -> tuple[Outcome, dict[str, str]]:
    message = types_of(method)[0]()
    body = fields if isinstance(fields, bytes) else body_of(face, ParseDict(fields, message))
    sent = headers_of(face) | {n.replace("_", "-"): text for n, text in headers.items()}
    sent = {name: text for name, text in sent.items() if text}
    given = event(f"POST /shop.v1.{method}", raw=body, headers=sent, caller=caller)
    response = endpoint_of(method)(given, Context())
    is_binary = response["isBase64Encoded"]
    is_error = response["statusCode"] != 200 or "Grpc-Status" in response["headers"]
    assert is_binary is (face in BINARY and not is_error)
    text = response["body"]
    content = b64decode(text, validate=True) if is_binary else text.encode()
    outcome = outcome_of(face, method, response["statusCode"], response["headers"], content)
    return outcome, response["headers"]


def rest(
    method: str,
    path: Mapping[str, str],
    *,
    caller: Caller | None = ADA,
    body: object = None,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Send the request of REST that a method stands for."""
    endpoint = endpoint_of(method)
    given = event(endpoint.route, path, body=body, query=query, headers=headers, caller=caller)
    response: dict[str, Any] = endpoint(given, Context())
    return response


def product(stock: int | None = 10, **fields: Any) -> Fields:
    made = {"sku": f"PLUM-{uuid4().hex[:12]}", "name": "Plums", "price": "4.90", "currency": "EUR"}
    given = made if stock is None else {**made, "stock": str(stock)}
    created = call("ProductService/CreateProduct", given | fields, ALAN)
    assert created.code == "ok", created
    shown: Fields = fields_of(created)["product"]
    return shown


def fields_of(outcome: Outcome) -> Fields:
    assert outcome.code == "ok", outcome
    assert outcome.message is not None
    return MessageToDict(outcome.message, always_print_fields_with_no_presence=True)


def order_of(outcome: Outcome) -> Fields:
    order: Fields = fields_of(outcome)["order"]
    return order


def rows(table: str) -> int:
    return len(dynamodb().scan(TableName=table)["Items"])


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("method", READS)
def test_read_returns_what_rest_returns(method: str, face: str) -> None:
    fields, caller = READS[method]
    endpoint = endpoint_of(method)
    path = {it: fields.get(it, "me") for it in endpoint.path_names.values()}
    message = ParseDict(fields, types_of(method)[0]())
    query = {
        to_camel(it.name): _in_rest(it, value)
        for it, value in message.ListFields()
        if to_camel(it.name) not in path
    }

    found = fields_of(call(method, fields, caller, face))
    response = rest(method, path, query=query, caller=caller)

    assert response["statusCode"] == 200
    body = json.loads(response["body"])
    name = next(iter(found))
    if endpoint.query is None:
        assert found["etag"] == response["headers"]["ETag"]
        assert _without_null(body) == _as_rest(found[name])
    else:
        assert body["data"] and [_without_null(it) for it in body["data"]] == [
            _as_rest(it) for it in found[name]
        ]
        total = None if "total" not in found else int(found["total"])
        assert (total, found["nextCursor"] or None) == (
            body["meta"]["total"],
            body["meta"]["nextCursor"],
        )


def _in_rest(field: Any, value: Any) -> str:
    if field.enum_type is None:
        return str(value)
    name = field.enum_type.values_by_number[value].name
    if field.enum_type.name != "Sort":
        return str(name.rpartition("_")[2].lower())
    *words, direction = name.removeprefix("SORT_").lower().split("_")
    return ("-" if direction == "desc" else "") + to_camel("_".join(words))


def _as_rest(value: Any) -> Any:
    """Return fields of a message as REST shows them."""
    if isinstance(value, list):
        return [_as_rest(it) for it in value]
    if not isinstance(value, dict):
        return value
    known = {"status", "role"}
    shown = {
        n: v.rpartition("_")[2].lower() if n in known else _as_rest(v) for n, v in value.items()
    }
    if "stock" in shown:
        shown["stock"] = int(shown["stock"])
    for name in ("createdAt", "updatedAt"):
        if name in shown:
            shown[name] = shown[name].replace("00Z", "00.000Z")
    return shown


def _without_null(value: Fields) -> Fields:
    return {name: it for name, it in value.items() if it is not None}


@pytest.mark.parametrize("face", FACES)
def test_order_is_placed_moved_and_read(face: str) -> None:
    plums = product(stock=5)
    items = [{"productId": plums["id"], "quantity": 2}]

    placed = order_of(call("OrderService/PlaceOrder", {"items": items, "note": "Ring."}, ADA, face))
    fields = {"userId": ADA.id, "orderId": placed["id"], "status": "ORDER_STATUS_CANCELLED"}
    cancelled = order_of(call("OrderService/UpdateOrder", fields, ADA, face))

    assert placed["status"] == "ORDER_STATUS_PENDING"
    assert (placed["userId"], placed["total"], placed["note"]) == (ADA.id, "9.80", "Ring.")
    assert cancelled == placed | {
        "status": "ORDER_STATUS_CANCELLED",
        "updatedAt": cancelled["updatedAt"],
    }
    assert (
        int(
            fields_of(call("ProductService/GetProduct", {"productId": plums["id"]}))["product"][
                "stock"
            ]
        )
        == 5
    )


@pytest.mark.parametrize("face", FACES)
def test_product_is_created_changed_and_deleted(face: str) -> None:
    plums = product()
    changed = call(
        "ProductService/UpdateProduct",
        {"productId": plums["id"], "price": "5.00", "stockDelta": -3},
        ALAN,
        face,
    )
    deleted = call("ProductService/DeleteProduct", {"productId": plums["id"]}, ALAN, face)
    again = call("ProductService/DeleteProduct", {"productId": plums["id"]}, ALAN, face)

    shown = fields_of(changed)["product"]
    assert (shown["price"], shown["stock"], shown["name"]) == ("5.00", "7", "Plums")
    assert fields_of(deleted) == {}
    assert again.code == "not_found"


@pytest.mark.parametrize("face", FACES)
def test_user_is_changed(face: str) -> None:
    name = f"Ada {face}"

    changed = fields_of(call("UserService/UpdateUser", {"name": name}, ADA, face))

    assert (changed["user"]["id"], changed["user"]["name"]) == (ADA.id, name)
    refused = call("UserService/UpdateUser", {"role": "ROLE_ADMIN"}, ADA, face)
    assert (refused.code, refused.reason) == ("permission_denied", "FORBIDDEN")


@pytest.mark.parametrize("face", FACES)
def test_product_without_a_stock_is_unlimited(face: str) -> None:
    made = {"sku": f"FIG-{face}", "name": "Figs", "price": "4.90", "currency": "EUR"}

    created = fields_of(call("ProductService/CreateProduct", made, ALAN, face))["product"]
    over_rest = rest("ProductService/GetProduct", {"productId": created["id"]}, caller=None)

    assert "stock" not in created
    assert json.loads(over_rest["body"])["stock"] is None


def test_mask_names_the_fields_that_change() -> None:
    plums = product(stock=5)
    fields = {"productId": plums["id"], "name": "Damsons", "price": "9.99"}

    named = fields_of(
        call("ProductService/UpdateProduct", fields | {"updateMask": "name,stock"}, ALAN)
    )

    assert named["product"]["name"] == "Damsons"
    assert named["product"]["price"] == "4.90"
    assert "stock" not in named["product"]  # absent, so unlimited


def test_empty_mask_is_no_mask() -> None:
    plums = product()
    for face in FACES:
        fields = {"productId": plums["id"], "name": f"Plums {face}", "updateMask": ""}
        changed = fields_of(call("ProductService/UpdateProduct", fields, ALAN, face))
        assert changed["product"]["name"] == f"Plums {face}"
        assert changed["product"]["stock"] == "10"


def test_note_in_the_mask_and_absent_is_removed() -> None:
    items = [{"productId": product()["id"], "quantity": 1}]
    placed = order_of(call("OrderService/PlaceOrder", {"items": items, "note": "Ring."}))

    changed = order_of(
        call("OrderService/UpdateOrder", {"orderId": placed["id"], "updateMask": "note"})
    )

    assert placed["note"] == "Ring." and "note" not in changed


@pytest.mark.parametrize(
    "path", ["product_id", "etag", "update_mask", "*", "nothing", "name.first"]
)
def test_mask_with_another_field_is_rejected(path: str) -> None:
    plums = product()
    request = UpdateProductRequest(product_id=plums["id"], name="Damsons")
    request.update_mask.paths.append(path)

    outcome = call("ProductService/UpdateProduct", request.SerializeToString(), ALAN, "connect")

    assert (outcome.code, outcome.reason) == ("invalid_argument", "BAD_REQUEST")
    assert (
        fields_of(call("ProductService/GetProduct", {"productId": plums["id"]}))["product"] == plums
    )


def test_absent_name_in_the_mask_is_invalid() -> None:
    outcome = call("UserService/UpdateUser", {"updateMask": "name"})

    assert (outcome.code, outcome.reason) == ("invalid_argument", "VALIDATION_ERROR")
    (violation,) = outcome.details["BadRequest"].field_violations
    assert (violation.field, violation.reason) == ("name", "STRING_TYPE")


@pytest.mark.parametrize("face", FACES)
def test_change_of_another_version_is_aborted(face: str) -> None:
    plums = product()
    fields = {"productId": plums["id"], "name": "Damsons"}

    outcome = call("ProductService/UpdateProduct", fields | {"etag": '"7"'}, ALAN, face)
    changed = call("ProductService/UpdateProduct", fields | {"etag": '"1"'}, ALAN, face)

    assert (outcome.code, outcome.reason) == ("aborted", "PRECONDITION_FAILED")
    assert fields_of(changed)["etag"] == '"2"'


@pytest.mark.parametrize("etag", ["1", '"', "x"])
def test_malformed_etag_is_rejected(etag: str) -> None:
    outcome = call("ProductService/DeleteProduct", {"productId": PRODUCT, "etag": etag}, ALAN)

    assert (outcome.code, outcome.reason) == ("invalid_argument", "BAD_REQUEST")
    assert outcome.text == "etag must be the etag of a response."


def test_conditions_in_headers_are_ignored() -> None:
    etag = fields_of(call("ProductService/GetProduct", {"productId": PRODUCT}))["etag"]

    read = call("ProductService/GetProduct", {"productId": PRODUCT}, If_None_Match=etag)

    assert fields_of(read)["etag"] == etag


@pytest.mark.parametrize("face", FACES)
def test_key_is_one_key_over_rest_and_rpc(face: str) -> None:
    items = [{"productId": product()["id"], "quantity": 1}]
    key = {"Idempotency-Key": f"key-{face}"}
    path = {"userId": "me"}

    placed = order_of(
        call("OrderService/PlaceOrder", {"items": items}, ADA, face, Idempotency_Key=f"key-{face}")
    )
    over_rest = rest("OrderService/PlaceOrder", path, body={"items": items}, headers=key)
    again, headers = call_with_headers(
        "OrderService/PlaceOrder",
        {"userId": ADA.id.upper(), "items": items},
        ADA,
        face,
        Idempotency_Key=f"key-{face}",
    )
    other = call(
        "OrderService/PlaceOrder",
        {"items": [items[0] | {"quantity": 2}]},
        ADA,
        face,
        Idempotency_Key=f"key-{face}",
    )

    assert over_rest["statusCode"] == 201
    assert over_rest["headers"]["Idempotent-Replayed"] == "true"
    assert over_rest["headers"]["Location"] == f"/local/api/users/me/orders/{placed['id']}"
    assert json.loads(over_rest["body"])["id"] == placed["id"]
    assert order_of(again)["id"] == placed["id"]
    assert headers["Idempotent-Replayed"] == "true"
    assert (other.code, other.reason) == ("invalid_argument", "IDEMPOTENCY_KEY_REUSED")


def test_order_placed_over_rest_is_replayed_over_rpc() -> None:
    items = [{"productId": product()["id"], "quantity": 1}]
    headers = {"Idempotency-Key": "first-over-rest"}
    body = {"items": items, "note": None}

    over_rest = rest("OrderService/PlaceOrder", {"userId": ADA.id}, body=body, headers=headers)
    for face in FACES:
        placed = call(
            "OrderService/PlaceOrder",
            {"items": items},
            ADA,
            face,
            Idempotency_Key="first-over-rest",
        )
        assert order_of(placed)["id"] == json.loads(over_rest["body"])["id"]


@pytest.mark.parametrize(
    "path",
    [
        "/local/shop.v1.OrderService/PlaceOrder",
        "/local/shop.v1.OrderService/Place%4Frder",
        "/local/shop.v1.OrderService%2FPlaceOrder",
        "/local//shop.v1.OrderService//PlaceOrder/",
    ],
)
def test_replay_over_rest_links_to_the_order_however_the_path_was_spelled(path: str) -> None:
    items = [{"productId": product()["id"], "quantity": 1}]
    headers = {"Idempotency-Key": str(uuid4())}
    given = event(
        "POST /shop.v1.OrderService/PlaceOrder", body={"items": items}, headers=headers, caller=ADA
    )
    given["requestContext"]["path"] = path

    placed = endpoint_of("OrderService/PlaceOrder")(given, Context())
    again = rest(
        "OrderService/PlaceOrder", {"userId": "me"}, body={"items": items}, headers=headers
    )

    id_ = json.loads(placed["body"])["order"]["id"]
    assert again["headers"]["Location"] == f"/local/api/users/me/orders/{id_}"


@pytest.mark.parametrize("key", ["", " ", "a b", "ä"])
def test_malformed_key_is_rejected(key: str) -> None:
    before = rows("orders_table")
    items = [{"productId": PRODUCT, "quantity": 1}]
    given = event(
        "POST /shop.v1.OrderService/PlaceOrder",
        body={"items": items},
        headers={"Idempotency-Key": key},
        caller=ADA,
    )

    response = endpoint_of("OrderService/PlaceOrder")(given, Context())

    assert (response["statusCode"], json.loads(response["body"])["code"]) == (
        400,
        "invalid_argument",
    )
    assert rows("orders_table") == before


@pytest.mark.parametrize("accept", ["", " ", ",", ", */*"])
@pytest.mark.parametrize("face", ["connect", "grpc-web", "grpc"])
def test_binary_call_without_accept_is_rejected_before_anything_is_done(
    face: str, accept: str
) -> None:
    before = rows("orders_table")
    items = [{"productId": PRODUCT, "quantity": 1}]

    outcome = call("OrderService/PlaceOrder", {"items": items}, ADA, face, Accept=accept)

    assert (outcome.code, outcome.reason) == ("invalid_argument", "BAD_REQUEST")
    assert "Accept" in outcome.text
    assert rows("orders_table") == before


@pytest.mark.parametrize("face", ["connect-json", "grpc-web-text"])
def test_text_needs_no_accept(face: str) -> None:
    assert call("UserService/GetUser", {}, ADA, face, Accept="").code == "ok"


@pytest.mark.parametrize(
    ("media_type", "face"),
    [
        ("application/connect+json", "connect-json"),
        ("application/connect+proto", "connect-json"),
        ("text/plain", "connect-json"),
        ("application/json; charset=latin-1", "connect-json"),
        ("application/grpc-web+json", "grpc-web"),
        ("application/grpc+json", "grpc"),
    ],
)
def test_streams_and_unknown_media_types_are_unimplemented(media_type: str, face: str) -> None:
    given = event(
        "POST /shop.v1.UserService/GetUser",
        raw=b"{}",
        headers={"Content-Type": media_type, "Accept": "*/*"},
        caller=ADA,
    )

    response = endpoint_of("UserService/GetUser")(given, Context())

    headers = response["headers"]
    if face in FRAMED:
        assert (response["statusCode"], headers["Grpc-Status"], response["body"]) == (200, "12", "")
        assert headers["Content-Type"] == f"application/{face}"
    else:
        assert response["statusCode"] == 415
        assert json.loads(response["body"])["code"] == "unimplemented"


@pytest.mark.parametrize("face", FRAMED)
def test_error_of_unknown_compression_names_the_known_one(face: str) -> None:
    outcome, headers = call_with_headers("UserService/GetUser", {}, face=face, Grpc_Encoding="br")

    assert outcome.code == "unimplemented"
    assert headers["Grpc-Accept-Encoding"] == "gzip"


@pytest.mark.parametrize("face", FACES)
def test_failure_to_read_is_internal_and_audited(
    monkeypatch: pytest.MonkeyPatch, log: LogLines, face: str
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr("shop.rpc.wire.read_json", fail)
    monkeypatch.setattr("shop.rpc.wire.read_binary", fail)

    outcome = call("ProductService/DeleteProduct", {"productId": PRODUCT}, ALAN, face)

    assert outcome.code == "internal"
    assert "secret" not in outcome.text
    assert [it["outcome"] for it in log() if it["message"] == "admin action"] == [500]


def test_misspelt_filter_shows_nothing() -> None:
    outcome = call("OrderService/ListOrders", b'{"statsu": "ORDER_STATUS_PENDING"}')

    assert (outcome.code, outcome.text) == ("invalid_argument", "Unknown field: statsu")


def test_list_of_nothing_is_not_a_list_of_everything() -> None:
    assert call("OrderService/ListAllOrders", b"[]", ALAN).code == "invalid_argument"


@pytest.mark.parametrize("face", FACES)
def test_invalid_fields_are_named_as_in_the_message(face: str) -> None:
    fields = {"items": [{"productId": "pear"}, {"productId": PRODUCT, "quantity": -1}]}

    outcome = call("OrderService/PlaceOrder", fields, ADA, face)

    assert (outcome.code, outcome.reason) == ("invalid_argument", "VALIDATION_ERROR")
    violations = outcome.details["BadRequest"].field_violations
    assert {(it.field, it.reason) for it in violations} == {
        ("items[0].product_id", "UUID"),
        ("items[0].quantity", "MISSING"),
        ("items[1].quantity", "GREATER_THAN_EQUAL"),
    }


@pytest.mark.parametrize("face", FACES)
def test_unknown_number_of_an_enum_is_invalid(face: str) -> None:
    request = ListOrdersRequest.FromString(b"\x10\x63")  # status, field 2, is 99

    outcome = call("OrderService/ListOrders", body_of(face, request), ADA, face)

    assert outcome.code == "invalid_argument"


@pytest.mark.parametrize("face", FACES)
def test_stranger_is_rejected_also_with_a_malformed_message(face: str) -> None:
    fields = {"userId": ADA.id, "items": [{"productId": PRODUCT, "quantity": 1}]}

    placed = call("OrderService/PlaceOrder", fields, BOB, face)
    listed = call("OrderService/ListAllOrders", b"\xff\xff", BOB, face)

    assert (placed.code, listed.code) == ("permission_denied", "permission_denied")


def test_missing_id_is_not_found_and_a_malformed_message_is_reported_first() -> None:
    assert call("ProductService/GetProduct", {}).code == "not_found"
    malformed = call("ProductService/GetProduct", b"\xff\xff", None, "connect")
    assert (malformed.code, malformed.text) == ("invalid_argument", "The message is malformed.")


@pytest.mark.parametrize("face", FACES)
def test_app_needs_the_scope_of_the_route(face: str) -> None:
    def app(*scopes: str) -> Caller:
        return ADA._replace(
            app=App("0190a6b2-7c9e-7b1a-8f00-0000000000f1", frozenset(scopes), True)
        )

    fields = {"orderId": ORDER}
    read = call("OrderService/GetOrder", fields, app("orders:read"), face)
    unread = call("OrderService/GetOrder", fields, app("orders:write"), face)
    closed = call("UserService/UpdateUser", {"name": "Robot"}, app("account:read"), face)

    assert order_of(read)["id"] == ORDER
    assert (unread.code, unread.reason) == ("permission_denied", "INSUFFICIENT_SCOPE")
    (violation,) = unread.details["BadRequest"].field_violations
    assert (violation.field, violation.description) == ("authorization", "orders:read")
    assert (closed.code, closed.reason) == ("permission_denied", "INSUFFICIENT_SCOPE")


def test_log_and_audit_lines_name_the_route_of_rest_and_the_face(log: LogLines) -> None:
    plums = product()
    fields = {"productId": plums["id"], "name": "Damsons"}
    call("ProductService/UpdateProduct", fields, ALAN, "grpc-web")

    *_, request, audited = log()
    assert (request["route"], request["face"], request["status"]) == (
        "PATCH /api/products/{productId}",
        "grpc-web",
        200,
    )
    assert (audited["action"], audited["face"]) == (request["route"], "grpc-web")
    assert audited["subject"] == {"product_id": plums["id"]}
    created = next(it for it in log() if it["message"] == "admin action")
    assert created["subject"] == {"id": plums["id"]}


def test_face_of_a_later_request_of_rest_is_rest(log: LogLines) -> None:
    call("UserService/GetUser", {}, ADA, "connect")
    rest("UserService/GetUser", {"userId": "me"})

    assert [(it["face"], it["route"]) for it in log()] == [
        ("connect", "GET /api/users/{userId}"),
        ("rest", "GET /api/users/{userId}"),
    ]


@pytest.mark.parametrize("face", FACES)
def test_deadline_of_the_client_is_ignored(face: str) -> None:
    timeouts = {"Connect_Timeout_Ms": "0", "Grpc_Timeout": "0n"}

    assert call("UserService/GetUser", {}, ADA, face, **timeouts).code == "ok"


def test_response_has_no_headers_of_rest_and_those_that_browsers_need() -> None:
    _, headers = call_with_headers(
        "UserService/GetUser", {}, ADA, "grpc-web", Origin="https://shop.example"
    )

    listed, created = (
        call_with_headers(method, fields, ALAN)[1]
        for method, fields in (
            ("ProductService/ListProducts", {}),
            (
                "ProductService/CreateProduct",
                {"sku": "DATE", "name": "Dates", "price": "4.90", "currency": "EUR"},
            ),
        )
    )

    for found in (headers, listed, created):
        assert not found.keys() & {"ETag", "Location", "Link"}
    assert headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "Grpc-Status" in headers["Access-Control-Expose-Headers"]
    assert headers["Cache-Control"] == "no-store"


def test_large_message_is_rejected() -> None:
    note = "x" * 1024 * 1024
    for face in FACES:
        outcome = call("OrderService/PlaceOrder", {"note": note}, ADA, face)
        assert (outcome.code, outcome.reason) == ("resource_exhausted", "PAYLOAD_TOO_LARGE"), face


@pytest.mark.parametrize("face", ["connect-json", "connect"])
def test_message_of_connect_may_be_compressed(face: str) -> None:
    fields = body_of(face, message_of("OrderService/GetOrder", {"orderId": ORDER}))

    read = call("OrderService/GetOrder", gzip.compress(fields), ADA, face, Content_Encoding="gzip")

    assert order_of(read)["id"] == ORDER


def test_two_messages_are_a_stream() -> None:
    outcome = call("UserService/GetUser", frame(b"") + frame(b""), ADA, "grpc")

    assert (outcome.code, outcome.reason) == ("unimplemented", "UNSUPPORTED_MEDIA_TYPE")


def test_query_of_the_url_is_ignored() -> None:
    given = event(
        "POST /shop.v1.OrderService/ListOrders", body={}, query={"limit": "x"}, caller=ADA
    )

    assert endpoint_of("OrderService/ListOrders")(given, Context())["statusCode"] == 200
