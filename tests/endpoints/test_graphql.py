"""GraphQL over HTTP: results, errors, batches and mutations of the handler."""

import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from time import sleep
from typing import Any
from uuid import uuid4

import pytest

from shop.caller import App, Caller, Role
from shop.clients import dynamodb
from shop.errors import ServiceUnavailable
from shop.graphql.access import RULES
from shop.graphql.dependencies import services
from shop.orders.service import OrderService
from shop.products.reading import ProductReader
from tests.benchmarks.costs.calls import counted
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import ADMIN, ALICE
from tests.support.gateway_events import Context, event
from tests.support.graphql_calls import GRAPHQL_JSON, ROUTE, TWINS, Outcome, call, send
from tests.support.log_lines import LogLines
from tests.support.sample_items import add_examples
from tests.support.waiting import HANG_SECONDS
from tools.openapi.document import endpoints

ADA = Caller("0190a6b2-7c9e-7b1a-8f00-0000000000a1", ALICE.session_id, Role.CUSTOMER)
ALAN = Caller("0190a6b2-7c9e-7b1a-8f00-0000000000ad", ADMIN.session_id, Role.ADMIN)
PRODUCT = "0190a6b2-7c9e-7b1a-8f00-0000000000b1"
ORDER = "0190a6b2-7c9e-7b1a-8f00-0000000000c1"
CLIENT = "0190a6b2-7c9e-7b1a-8f00-0000000000f1"
REQUEST_ID = "11111111-2222-3333-4444-555555555555"
PLACE = (
    "mutation($i: PlaceOrderInput!) { placeOrder(input: $i) { order { id etag status total note"
    " currency userId createdAt items { quantity product { id } } user { name } }"
    " userErrors { code message field } } }"
)
CREATE = (
    "mutation($i: CreateProductInput!) { createProduct(input: $i) {"
    " product { id etag sku price stock status } userErrors { code message field } } }"
)
UPDATE = (
    "mutation($i: UpdateProductInput!) { updateProduct(input: $i) {"
    " product { id etag name price stock } userErrors { code message field } } }"
)

type Json = dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        add_examples()
        yield


def app_of(user: Caller, *scopes: str) -> Caller:
    return user._replace(app=App(CLIENT, frozenset(scopes), is_for_user=True))


def product(**fields: Any) -> Json:
    given = {"sku": f"PLUM-{uuid4().hex[:12]}", "name": "Plums", "price": "4.90", "stock": 10}
    outcome = call(CREATE, ALAN, {"i": {**given, "currency": "EUR", **fields}})
    payload = outcome.data["createProduct"]
    assert payload["userErrors"] == []
    created: Json = payload["product"]
    return created


def place(caller: Caller = ADA, *, headers: Mapping[str, str] | None = None, **fields: Any) -> Json:
    given = {"items": [{"productId": PRODUCT, "quantity": 1}], **fields}
    outcome = call(PLACE, caller, {"i": given}, headers)
    payload: Json = outcome.data["placeOrder"]
    return payload


def rest(route: str, module: str, caller: Caller, **parts: Any) -> tuple[int, Json, Json]:
    handler = import_module(f"functions.{module}").handler
    response = handler(event(route, caller=caller, **parts), Context())
    return response["statusCode"], response["headers"], json.loads(response["body"] or "{}")


def stored(table: str) -> int:
    return len(dynamodb().scan(TableName=table)["Items"])


# HTTP


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}, application/json;q=0.9", GRAPHQL_JSON),
        (f"text/html, {GRAPHQL_JSON.upper()};q=0.5", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}x", "application/json"),
        (f"{GRAPHQL_JSON}; q=0, application/json", "application/json"),
    ],
)
@pytest.mark.parametrize(
    ("query", "status"), [("{ me { id } }", 200), ("{", 400), ("{ unknown }", 422)]
)
def test_media_type_is_that_of_accept_and_the_status_is_the_same(
    accept: str | None, media_type: str, query: str, status: int
) -> None:
    outcome = call(query, ADA, headers={} if accept is None else {"Accept": accept})

    assert (outcome.status, outcome.headers["Content-Type"]) == (status, media_type)
    assert outcome.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 400, "GRAPHQL_PARSE_FAILED"),
        ("{ me { id }", 400, "GRAPHQL_PARSE_FAILED"),
        ("{ me { idd } }", 422, "GRAPHQL_VALIDATION_FAILED"),
        ("query A { me { id } } query B { me { id } }", 422, "GRAPHQL_VALIDATION_FAILED"),
        ("{ me { id } } { me { name } }", 422, "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { x }", 422, "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { __typename }", 422, "GRAPHQL_VALIDATION_FAILED"),
        ("type Query { me: Int }", 422, "GRAPHQL_VALIDATION_FAILED"),
        ("fragment F on User { id }", 422, "GRAPHQL_VALIDATION_FAILED"),
    ],
)
def test_document_that_is_not_executed_has_errors_without_data(
    query: str, status: int, code: str
) -> None:
    outcome = call(query, ADA)

    assert (outcome.status, {*outcome.codes}) == (status, {code})
    assert outcome.body.keys() == {"errors"}
    for error in outcome.body["errors"]:
        assert error["extensions"]["requestId"] == REQUEST_ID
        assert "Did you mean" not in error["message"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ([{"query": "{ me { id } }"}], 422, "VALIDATION_ERROR"),
        ({}, 422, "VALIDATION_ERROR"),
        ({"query": 1}, 422, "VALIDATION_ERROR"),
        ({"query": "{ me { id } }", "variables": [1]}, 422, "VALIDATION_ERROR"),
        ({"query": "{ me { id } }", "operationName": 1}, 422, "VALIDATION_ERROR"),
        ({"query": "x" * 20_001}, 422, "VALIDATION_ERROR"),
    ],
)
def test_malformed_request_has_an_error_of_the_api(body: object, status: int, code: str) -> None:
    outcome = send(event(ROUTE, body=body, headers={"Accept": GRAPHQL_JSON}, caller=ADA))

    assert (outcome.status, outcome.body["error"]["code"]) == (status, code)
    assert outcome.headers["Content-Type"] == "application/json"


def test_unknown_members_and_null_members_are_ignored() -> None:
    outcome = call("{ me { id } }", ADA, None, operationName=None, extensions={"a": 1}, id="x")

    assert outcome.data == {"me": {"id": ADA.id}}


def test_operation_is_chosen_by_its_name() -> None:
    text = "query A { me { id } } query B { me { name } }"

    assert call(text, ADA, operationName="B").data == {"me": {"name": "Ada"}}
    assert call(text, ADA, operationName="C").status == 422


def test_switch_rejects_every_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "shop.feature_flags.setting", lambda name: "off" if name == "GRAPHQL" else "on"
    )

    outcome = call("{ me { id } }", ADA)

    assert (outcome.status, outcome.body["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert outcome.headers["Retry-After"] == "300"


# Variables


@pytest.mark.parametrize(
    ("item", "at"),
    [
        ({"productId": PRODUCT, "quantity": "secret"}, "i.items[0].quantity"),
        ({"productId": PRODUCT, "quantity": 1.5}, "i.items[0].quantity"),
        ({"productId": PRODUCT, "quantity": 2**40}, "i.items[0].quantity"),
        ({"productId": ["secret"], "quantity": 1}, "i.items[0].productId"),
        ({"productId": PRODUCT}, "i.items[0]"),
        ({"productId": PRODUCT, "quantity": 1, "secret": "secret"}, "i.items[0]"),
        ("secret", "i.items[0]"),
    ],
)
def test_message_about_a_variable_has_its_place_and_no_value(item: object, at: str) -> None:
    outcome = call(PLACE, ADA, {"i": {"items": [item]}})

    (error, *_) = outcome.body["errors"]
    assert outcome.status == 422
    assert error["message"] == f"Variable '$i' has a value of another type at '{at}'."
    assert "secret" not in json.dumps(outcome.body)


def test_missing_variable_is_named() -> None:
    outcome = call(PLACE, ADA)

    assert outcome.status == 422
    assert [it["message"] for it in outcome.body["errors"]] == ["Variable '$i' is required."]


def test_errors_of_variables_are_few() -> None:
    items = [{"productId": PRODUCT, "quantity": "x"}] * 40

    assert len(call(PLACE, ADA, {"i": {"items": items}}).body["errors"]) == 5


# Queries


def test_resources_have_the_fields_of_rest() -> None:
    text = (
        "query($u: ID!, $o: ID!) { order(userId: $u, id: $o) { id userId status currency total note"
        " createdAt updatedAt etag items { productId sku name unitPrice quantity lineTotal } }"
        " user(id: $u) { id email name status role emailVerified createdAt updatedAt etag } }"
    )

    data = call(text, ADA, {"u": ADA.id.upper(), "o": ORDER.upper()}).data

    path = {"userId": ADA.id, "orderId": ORDER}
    for name, route, module in (
        ("order", "GET /api/users/{userId}/orders/{orderId}", "orders.get_order"),
        ("user", "GET /api/users/{userId}", "users.get_user"),
    ):
        _, headers, body = rest(route, module, ADA, path=path)
        expected = {n: it.upper() if n in ("status", "role") else it for n, it in body.items()}
        assert data[name] == {**expected, "etag": headers["ETag"]}


@pytest.mark.parametrize("id_", ["x", "", "me", "summary", "sku#PEAR", "active_admins", "x" * 3000])
def test_malformed_id_is_null_and_reads_no_other_item(id_: str) -> None:
    text = (
        "query($i: ID!) { product(id: $i) { id } user(id: $i) { id }"
        " order(userId: $i, id: $i) { id } }"
    )

    assert call(text, ALAN, {"i": id_}).data == {"product": None, "user": None, "order": None}
    refused = call(text, ADA, {"i": id_})
    assert (refused.body["data"]["product"], refused.codes) == (None, ["FORBIDDEN"] * 2)


def test_refused_field_is_null_beside_the_others(log: LogLines) -> None:
    outcome = call("{ me { id } all: users { nodes { id } } orders { totalCount } }", ADA)

    assert outcome.status == 200
    assert outcome.body["data"] == {"me": {"id": ADA.id}, "all": None, "orders": None}
    assert [(it["path"], it["extensions"]) for it in outcome.body["errors"]] == [
        (["all"], {"code": "FORBIDDEN", "requestId": REQUEST_ID}),
        (["orders"], {"code": "FORBIDDEN", "requestId": REQUEST_ID}),
    ]
    (line,) = log()
    assert line["face"] == "graphql"
    assert (line["operation"], line["errors"]) == ("query", ["FORBIDDEN"])
    assert line["fields"] == ["me", "orders", "users"]
    assert line["cost"] == 1 + (10 + 20) + (10 + 20)


def test_log_fields_of_a_request_are_not_in_the_next_line(log: LogLines) -> None:
    call("{ me { id } orders { totalCount } }", ADA)
    call("{", ADA)

    first, second = log()
    assert first["cost"] == 31
    assert second.keys().isdisjoint({"cost", "fields", "errors", "operation"})
    assert second["error"] == "GRAPHQL_PARSE_FAILED"


@pytest.mark.parametrize(
    ("argument", "field", "code"),
    [
        ("first: 0", "first", "greater_than_equal"),
        ("first: 101", "first", "less_than_equal"),
        ("first: -1", "first", "greater_than_equal"),
        ('after: "!"', None, "BAD_REQUEST"),
        ('search: "x"', "search", "search_too_short"),
        ('search: "ad", sort: NAME_ASC', "search", "search_sort"),
    ],
)
def test_error_of_an_argument_has_its_name(argument: str, field: str | None, code: str) -> None:
    outcome = call(f"{{ users({argument}) {{ totalCount }} }}", ALAN)

    (error,) = outcome.body["errors"]
    assert (outcome.status, outcome.body["data"]) == (200, {"users": None})
    if field is None:
        assert error["extensions"]["code"] == code
    else:
        assert error["extensions"]["code"] == "VALIDATION_ERROR"
        (detail,) = error["extensions"]["details"]
        assert (detail["field"], detail["code"]) == (field, code)


def test_pages_follow_each_other_by_any_cursor() -> None:
    for _ in range(3):
        product(name="Same")
    text = (
        "query($n: Int!, $a: String) { products(first: $n, after: $a, sort: NAME_DESC) { totalCount"
        " edges { cursor node { id } } nodes { id }"
        " pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"
    )
    whole = call(text, ADA, {"n": 100}).data["products"]
    ids = [it["id"] for it in whole["nodes"]]

    assert [it["node"] for it in whole["edges"]] == whole["nodes"]
    info = whole["pageInfo"]
    assert (info["hasNextPage"], info["hasPreviousPage"]) == (False, False)
    assert info["startCursor"] == whole["edges"][0]["cursor"]
    assert info["endCursor"] == whole["edges"][-1]["cursor"]
    for index, edge in enumerate(whole["edges"]):
        rest_of = call(text, ADA, {"n": 100, "a": edge["cursor"]}).data["products"]
        assert [it["id"] for it in rest_of["nodes"]] == ids[index + 1 :]
        assert rest_of["pageInfo"]["hasPreviousPage"] is True
    first = call(text, ADA, {"n": 2}).data["products"]
    assert first["pageInfo"]["hasNextPage"] is True
    assert first["pageInfo"]["endCursor"] == first["edges"][-1]["cursor"]
    # Cursors are those of REST.
    query = {"limit": "2", "sort": "-name"}
    _, _, page = rest("GET /api/products", "products.list_products", ADA, query=query)
    assert page["meta"]["nextCursor"] == first["pageInfo"]["endCursor"]


def test_one_bad_cursor_in_a_batch_fails_only_its_own_list() -> None:
    text = (
        '{ me { a: orders { totalCount } b: orders(after: "Zm9v") { totalCount }'
        " c: orders(status: PENDING) { nodes { id } } } }"
    )

    outcome = call(text, ADA)

    me = outcome.body["data"]["me"]
    assert me["a"]["totalCount"] >= 1
    assert me["c"]["nodes"]
    assert me["b"] is None
    assert [(it["path"], it["extensions"]["code"]) for it in outcome.body["errors"]] == [
        (["me", "b"], "BAD_REQUEST")
    ]


def test_relations_of_a_page_are_loaded_in_batches() -> None:
    products = [product()["id"] for _ in range(3)]
    for _ in range(20):
        items = [{"productId": it, "quantity": 1} for it in products]
        payload = call(PLACE, ALAN, {"i": {"userId": ADA.id, "items": items}}).data
        assert payload["placeOrder"]["userErrors"] == []
        products = [product()["id"] for _ in range(3)]
    text = "{ orders(first: 20) { totalCount nodes { user { name } items { product { name } } } } }"
    call(text, ALAN)

    with counted() as calls:
        nodes = call(text, ALAN).data["orders"]["nodes"]

    assert len(nodes) == 20
    assert all(it["product"]["name"] for node in nodes[:-1] for it in node["items"])
    operations = [it.operation for it in calls.made]
    assert operations.count("BatchGetItem") <= 4
    assert {*operations} == {"BatchGetItem", "Query"}


def test_lists_of_relations_are_loaded_in_one_step() -> None:
    text = "{ users(first: 2) { nodes { orders(first: 3) { totalCount nodes { id } } } } }"
    call(text, ALAN)

    with counted(parallel=[8, 1, 2, 2]) as calls:
        data = call(text, ALAN).data

    assert len(data["users"]["nodes"]) == 2
    assert calls.steps() == ["8 Query", "BatchGetItem", "2 Query", "2 GetItem"]


def test_stock_beyond_an_integer_is_capped() -> None:
    made = product()
    dynamodb().update_item(
        TableName="products_table",
        Key={"id": {"S": made["id"]}},
        UpdateExpression="SET stock = :stock",
        ExpressionAttributeValues={":stock": {"N": str(2**40)}},
    )

    text = "query($i: ID!) { product(id: $i) { stock } }"
    assert call(text, ADA, {"i": made["id"]}).data == {"product": {"stock": 2**31 - 1}}


# Failures


def failing(*_: object) -> Any:
    raise ServiceUnavailable(retry_after=7)


def test_failure_of_a_field_fails_the_whole_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OrderService, "list", failing)

    outcome = call("{ me { id orders { totalCount } } }", ADA, headers={"Accept": GRAPHQL_JSON})

    assert (outcome.status, outcome.body["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert outcome.headers["Retry-After"] == "7"
    assert outcome.headers["Content-Type"] == "application/json"
    assert "data" not in outcome.body


def test_bug_is_an_internal_error_and_logged(
    monkeypatch: pytest.MonkeyPatch, log: LogLines
) -> None:
    monkeypatch.setattr(ProductReader, "read_many", lambda *_: {PRODUCT: "no product"})

    outcome = call(f'{{ product(id: "{PRODUCT}") {{ id }} }}', ADA)

    assert (outcome.status, outcome.body["error"]["code"]) == (500, "INTERNAL_ERROR")
    assert [it["message"] for it in log()] == ["unhandled exception", "request"]


@pytest.mark.parametrize("query", ["{ orders { totalCount } }", "{ me { orders { totalCount } } }"])
def test_hanging_field_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    def hang(*_: object) -> None:
        sleep(HANG_SECONDS)

    monkeypatch.setattr(OrderService, "list_all", hang)
    monkeypatch.setattr(OrderService, "list", hang)

    outcome = call(query, ALAN, milliseconds=900)

    assert (outcome.status, outcome.body["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert outcome.headers["Retry-After"] == "1"
    monkeypatch.undo()
    assert call("{ me { id } }", ADA).data == {"me": {"id": ADA.id}}


# Mutations


def test_key_is_one_order_on_every_face() -> None:
    key = {"Idempotency-Key": str(uuid4())}
    body = {"items": [{"productId": PRODUCT, "quantity": 1}], "note": "Ring twice."}
    route, path = "POST /api/users/{userId}/orders", {"userId": ADA.id}
    parts: Any = {"path": path, "body": body, "headers": key}

    first = place(headers=key, note="Ring twice.")
    replayed = call(PLACE, ADA, {"i": body}, key)
    status, headers, order = rest(route, "orders.place_order", ADA, **parts)

    assert replayed.data["placeOrder"] == first
    assert replayed.headers["Idempotent-Replayed"] == "true"
    assert (status, order["id"], order["note"]) == (201, first["order"]["id"], "Ring twice.")
    assert headers["Idempotent-Replayed"] == "true"
    # The recorded response is the one that REST itself would have given.
    other = {**parts, "headers": {"Idempotency-Key": str(uuid4())}}
    _, own_headers, own = rest(route, "orders.place_order", ADA, **other)
    assert order.keys() == own.keys()
    assert headers["Location"] == own_headers["Location"].replace(own["id"], order["id"])
    assert headers["ETag"] == first["order"]["etag"]
    # And the reverse: a replay by GraphQL of an order of REST.
    again = call(PLACE, ADA, {"i": body}, other["headers"])
    assert again.data["placeOrder"]["order"]["id"] == own["id"]
    assert again.data["placeOrder"]["order"]["items"] == [
        {"quantity": 1, "product": {"id": PRODUCT}}
    ]
    assert again.data["placeOrder"]["order"]["user"] == {"name": "Ada"}


def test_key_with_another_input_is_a_user_error() -> None:
    key = {"Idempotency-Key": str(uuid4())}
    place(headers=key)

    payload = place(headers=key, note="Another.")

    assert payload["order"] is None
    assert [it["code"] for it in payload["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]


def test_malformed_key_is_a_user_error_of_creating_mutations_only() -> None:
    key = {"Idempotency-Key": "two words"}
    before = stored("orders_table")

    payload = place(headers=key)

    assert [it["code"] for it in payload["userErrors"]] == ["BAD_REQUEST"]
    assert stored("orders_table") == before
    outcome = call(UPDATE, ALAN, {"i": {"id": PRODUCT, "name": "Pears"}}, key)
    assert outcome.data["updateProduct"]["userErrors"] == []
    assert call("{ me { id } }", ADA, headers=key).status == 200


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"items": []}, "VALIDATION_ERROR", ["input", "items"]),
        (
            {"items": [{"productId": PRODUCT, "quantity": 0}]},
            "VALIDATION_ERROR",
            ["input", "items", "0", "quantity"],
        ),
        (
            {"items": [{"productId": "x", "quantity": 1}]},
            "VALIDATION_ERROR",
            ["input", "items", "0", "productId"],
        ),
        (
            {"items": [{"productId": PRODUCT, "quantity": 999}]},
            "INSUFFICIENT_STOCK",
            ["input", "items", "0", "quantity"],
        ),
        (
            {"items": [{"productId": CLIENT, "quantity": 1}]},
            "PRODUCT_UNAVAILABLE",
            ["input", "items", "0", "productId"],
        ),
    ],
)
def test_rule_that_rejects_an_order_is_a_user_error(
    fields: Json, code: str, field: list[str]
) -> None:
    payload = place(**fields)

    assert payload["order"] is None
    (error,) = payload["userErrors"]
    assert (error["code"], error["field"]) == (code, field)


def test_missing_permission_is_an_error_of_the_response() -> None:
    outcome = call(
        CREATE,
        ADA,
        {"i": {"sku": "X", "name": "X", "price": "1.00", "currency": "EUR", "stock": None}},
    )

    assert (outcome.status, outcome.body["data"], outcome.codes) == (200, None, ["FORBIDDEN"])


def test_etag_is_the_condition_of_a_change() -> None:
    made = product()

    def update(tag: str | None, name: str) -> Json:
        given = {"id": made["id"], "name": name, "ifMatch": tag}
        payload: Json = call(UPDATE, ALAN, {"i": given}).data["updateProduct"]
        return payload

    changed = update(made["etag"], "Damsons")
    assert (changed["userErrors"], changed["product"]["name"]) == ([], "Damsons")
    for tag in (made["etag"], "*", "", "1", f"{made['etag']}, {changed['product']['etag']}"):
        payload = update(tag, "Never")
        assert payload["product"] is None
        assert [it["code"] for it in payload["userErrors"]] == ["PRECONDITION_FAILED"], tag
    assert update(None, "Cherries")["product"]["name"] == "Cherries"


def test_absent_fields_keep_their_value_and_null_is_a_value() -> None:
    made = product()
    text = (
        "mutation($n: String, $i: ID!) { updateProduct(input: {id: $i, name: $n, stock: null})"
        " { product { name stock } userErrors { field } } }"
    )

    data = call(text, ALAN, {"i": made["id"]}).data["updateProduct"]

    assert data == {"product": {"name": "Plums", "stock": None}, "userErrors": []}
    null_name = call(text, ALAN, {"i": made["id"], "n": None}).data["updateProduct"]
    assert null_name["userErrors"] == [{"field": ["input", "name"]}]


def test_order_is_cancelled_once() -> None:
    order = place()["order"]
    text = (
        "mutation($i: UpdateOrderInput!) { updateOrder(input: $i)"
        " { order { status note } userErrors { code } } }"
    )
    given = {"id": order["id"], "status": "CANCELLED", "note": "Sorry."}

    first, again = (call(text, ADA, {"i": given}).data["updateOrder"] for _ in range(2))

    assert first == {"order": {"status": "CANCELLED", "note": "Sorry."}, "userErrors": []}
    assert again == {"order": None, "userErrors": [{"code": "INVALID_TRANSITION"}]}


def test_deleted_product_is_null_where_it_was_ordered() -> None:
    made = product()
    order = place(items=[{"productId": made["id"], "quantity": 1}])["order"]
    text = "mutation($i: ID!) { deleteProduct(input: {id: $i}) { deletedId userErrors { code } } }"

    first, again = (call(text, ALAN, {"i": made["id"]}).data["deleteProduct"] for _ in range(2))

    assert first == {"deletedId": made["id"], "userErrors": []}
    assert again == {"deletedId": None, "userErrors": [{"code": "NOT_FOUND"}]}
    read = "query($u: ID!, $o: ID!) { order(userId: $u, id: $o) { items { name product { id } } } }"
    data = call(read, ADA, {"u": ADA.id, "o": order["id"]}).data
    assert data["order"]["items"] == [{"name": "Plums", "product": None}]


def test_user_changes_their_name_and_no_role() -> None:
    text = (
        "mutation($i: UpdateUserInput!) { updateUser(input: $i)"
        " { user { name role } userErrors { code } } }"
    )

    renamed = call(text, ADA, {"i": {"name": "Ada K."}}).data["updateUser"]
    refused = call(text, ADA, {"i": {"role": "ADMIN"}})
    call(text, ADA, {"i": {"name": "Ada"}})

    assert renamed == {"user": {"name": "Ada K.", "role": "CUSTOMER"}, "userErrors": []}
    assert (refused.body["data"], refused.codes) == (None, ["FORBIDDEN"])


def test_ordering_switch_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "shop.feature_flags.setting", lambda name: "off" if name == "ORDERING" else "on"
    )
    before = stored("orders_table")

    outcome = call(PLACE, ADA, {"i": {"items": [{"productId": PRODUCT, "quantity": 1}]}})

    assert (outcome.status, outcome.body["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert outcome.body["error"]["message"] == "Ordering is switched off for now."
    assert stored("orders_table") == before
    assert call("{ me { id } }", ADA).status == 200


# Audit


def audits(log: LogLines) -> list[tuple[str, Json, int]]:
    lines = [it for it in log() if it["message"] == "admin action"]
    assert {it["actor"] for it in lines} == {ALAN.id}
    return [(it["action"], it["subject"], it["outcome"]) for it in lines]


def test_admin_mutation_is_audited_by_its_name_and_ids(log: LogLines) -> None:
    made = product()
    call(UPDATE, ALAN, {"i": {"id": made["id"], "name": "Damsons"}})
    call(UPDATE, ALAN, {"i": {"id": made["id"], "name": "", "ifMatch": "x"}})
    call("{ me { id } users { totalCount } }", ALAN)
    call(UPDATE, ADA, {"i": {"id": made["id"], "name": "Damsons"}})
    order = place(ALAN, userId=ADA.id)["order"]
    call("mutation { deleteProduct(input: {id: 1, secret: 2}) { deletedId } }", ALAN)

    changed = {"product_id": made["id"]}
    assert audits(log) == [
        ("createProduct", {"id": made["id"]}, 201),
        ("updateProduct", changed, 200),
        ("updateProduct", changed, 422),
        ("placeOrder", {"user_id": ADA.id, "id": order["id"]}, 201),
    ]


def test_failed_mutation_is_audited_with_its_status(
    log: LogLines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services().products, "delete", failing)

    text = f'mutation {{ deleteProduct(input: {{id: "{PRODUCT}"}}) {{ deletedId }} }}'
    outcome = call(text, ALAN)

    assert outcome.status == 503
    assert [outcome for *_, outcome in audits(log)] == [503]


@pytest.mark.parametrize(
    ("failure", "code"),
    [(ServiceUnavailable(retry_after=7), "SERVICE_UNAVAILABLE"), (KeyError("x"), "INTERNAL_ERROR")],
)
def test_failure_after_a_mutation_is_an_error_of_its_field(
    log: LogLines, monkeypatch: pytest.MonkeyPatch, failure: Exception, code: str
) -> None:
    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(OrderService, "list", fail)
    text = (
        f'mutation {{ updateUser(input: {{id: "{ADA.id}", name: "Ada {code}"}})'
        " { user { name orders { totalCount } } userErrors { code } } }"
    )

    outcome = call(text, ALAN)

    assert (outcome.status, outcome.codes) == (200, [code])
    assert call("{ me { name } }", ADA).data["me"]["name"] == f"Ada {code}"
    assert [outcome for *_, outcome in audits(log)] == [200]
    assert "failure after a mutation" in {it["message"] for it in log() if it["level"] == "ERROR"}


NULLS = [
    'query($x: ID = "a") { user(id: $x) { id } }',
    "query($x: Int = 1) { products(first: $x) { totalCount } }",
    'query($x: String = "User") { __type(name: $x) { name } }',
    "query($x: Boolean = true) { me { id name @include(if: $x) } }",
    "query($x: Boolean = true) { ...F } fragment F on Query { me { id @skip(if: $x) } }",
    'mutation($x: Boolean = true) { updateUser(input: {name: "x"}) { user { id @skip(if: $x) } } }',
    "mutation($x: [OrderLineInput!] = []) { placeOrder(input: {items: $x}) { order { id } } }",
    "mutation($x: Int = 1) { placeOrder(input: {items: [{productId: 1, quantity: $x}]})"
    " { order { id } } }",
]


@pytest.mark.parametrize("text", NULLS)
def test_null_instead_of_a_default_is_rejected_before_execution(text: str) -> None:
    before = call("{ me { name etag } }", ADA).data

    outcome = call(text, ADA, {"x": None})

    assert (outcome.status, outcome.codes) == (422, ["GRAPHQL_VALIDATION_FAILED"])
    assert outcome.body["errors"][0]["message"] == "Variable '$x' must not be null."
    assert call("{ me { name etag } }", ADA).data == before


def test_null_is_a_value_where_the_schema_allows_it() -> None:
    text = 'query($x: String = "x") { products(after: $x) { totalCount } }'

    assert call(text, ADA, {"x": None}).data["products"]["totalCount"] is not None


@pytest.mark.parametrize(
    "text",
    [
        "{ users(first: 0) { totalCount } }",
        "{ orders(first: 0) { totalCount } }",
        'mutation { createProduct(input: {sku: "", name: "", price: "x", currency: "x"})'
        " { userErrors { code } } }",
        'mutation { updateProduct(input: {id: "x", name: ""}) { userErrors { code } } }',
        'mutation { deleteProduct(input: {id: "x"}) { userErrors { code } } }',
        f'mutation {{ updateUser(input: {{id: "{ALAN.id}", name: ""}})'
        " { userErrors { code } } }",
        f'mutation {{ placeOrder(input: {{userId: "{ALAN.id}", items: []}})'
        " { userErrors { code } } }",
        f'mutation {{ updateOrder(input: {{userId: "{ALAN.id}", id: "x", note: ""}})'
        " { userErrors { code } } }",
    ],
)
def test_access_is_checked_before_arguments(text: str) -> None:
    assert call(text, ADA).codes == ["FORBIDDEN"]
    assert call(text, app_of(ALAN)).codes == ["INSUFFICIENT_SCOPE"]


def test_malformed_id_is_not_found_and_not_in_the_audit_record(log: LogLines) -> None:
    outcome = call(UPDATE, ALAN, {"i": {"id": "x", "name": ""}})

    (error,) = outcome.data["updateProduct"]["userErrors"]
    assert (error["code"], error["field"]) == ("NOT_FOUND", None)
    assert audits(log) == [("updateProduct", {}, 404)]


def test_rules_are_those_of_the_endpoints() -> None:
    by_route = {it.route: it for it in endpoints().values()}
    callers = [ADA, ALAN, app_of(ADA, *SCOPES), app_of(ALAN, *SCOPES), app_of(ALAN)]
    for name, rule in RULES.items():
        endpoint = by_route[TWINS[name]]
        assert (rule.scope, rule.admin_scope) == (endpoint.scope, endpoint.admin_scope), name
        assert endpoint.access is not None
        for caller in callers:
            for user_id in (ADA.id, ALAN.id):
                expected = endpoint.access.allows(caller, user_id)
                assert rule.allows(caller, user_id) is expected, name
    # Access to these is checked when they are read, and they have no arguments but ids.
    assert TWINS.keys() - RULES.keys() == {
        *("Query.me", "Query.user", "Query.product", "Query.products", "Query.order"),
        *("Order.user", "OrderLine.product"),
    }


# Third-party apps

FIELDS: Mapping[str, tuple[str, str | None, str | None]] = {
    "me": ("{ me { id } }", "account:read", "admin:users:read"),
    "user": (f'{{ user(id: "{ADA.id}") {{ id }} }}', "account:read", "admin:users:read"),
    "users": ("{ users { totalCount } }", None, "admin:users:read"),
    "order": (
        f'{{ order(userId: "{ADA.id}", id: "{ORDER}") {{ id }} }}',
        "orders:read",
        "admin:orders:read",
    ),
    "orders": ("{ orders { totalCount } }", None, "admin:orders:read"),
    "placeOrder": (
        f'mutation {{ placeOrder(input: {{userId: "{ADA.id}", items: [{{productId: "{PRODUCT}",'
        " quantity: 1}]}) { order { id } userErrors { code } } }",
        "orders:write",
        "admin:orders:write",
    ),
    "updateOrder": (
        f'mutation {{ updateOrder(input: {{userId: "{ADA.id}", id: "{ORDER}", note: "x"}})'
        " { order { id } userErrors { code } } }",
        "orders:write",
        "admin:orders:write",
    ),
    "createProduct": (
        "mutation { createProduct(input: {sku: \"S-%s\", name: \"x\", price: \"1.00\", currency:"
        ' "EUR", stock: 1}) { product { id } userErrors { code } } }',
        None,
        "admin:products:write",
    ),
    "updateProduct": (
        f'mutation {{ updateProduct(input: {{id: "{PRODUCT}", name: "Pears"}})'
        " { product { id } userErrors { code } } }",
        None,
        "admin:products:write",
    ),
    "deleteProduct": (
        "mutation { deleteProduct(input: {id: 1}) { deletedId userErrors { code } } }",
        None,
        "admin:products:write",
    ),
    "updateUser": (
        'mutation { updateUser(input: {name: "Ada"}) { user { id } userErrors { code } } }',
        None,
        None,
    ),
}  # fmt: skip
SCOPES = [
    *("openid", "profile", "email", "account:read", "orders:read", "orders:write"),
    *("admin:users:read", "admin:orders:read", "admin:orders:write", "admin:products:write"),
]


@pytest.mark.parametrize("name", FIELDS)
def test_app_needs_the_scope_of_the_route_that_a_field_stands_for(name: str) -> None:
    text, scope, admin_scope = FIELDS[name]

    def outcome(caller: Caller) -> Outcome:
        return call(text.replace("%s", uuid4().hex[:8]), caller)

    for given in SCOPES:
        of_user = outcome(app_of(ADA, given))
        if given == scope:
            assert of_user.data[name], given
        else:
            assert of_user.codes == ["INSUFFICIENT_SCOPE"], given
        of_admin = outcome(app_of(ALAN, given))
        if given == admin_scope:
            assert of_admin.data[name], given
        elif given == scope:
            # Without the admin scope, the app of an admin acts like that of a customer.
            expected = [] if name == "me" else ["FORBIDDEN"]
            assert [it["extensions"]["code"] for it in of_admin.body.get("errors", [])] == expected
        else:
            assert of_admin.codes == ["INSUFFICIENT_SCOPE"], given
    assert outcome(app_of(ADA, *SCOPES)).body.get("errors", []) == [] or scope is None


def test_scopes_are_those_of_the_endpoints() -> None:
    by_route = {it.route: it for it in endpoints().values()}
    for name, route in TWINS.items():
        type_name, _, field = name.partition(".")
        if field in FIELDS and type_name in ("Query", "Mutation"):
            assert FIELDS[field][1:] == (by_route[route].scope, by_route[route].admin_scope)
        elif type_name in ("Query", "Mutation"):
            assert not by_route[route].needs_caller, name


def test_relation_needs_its_own_scope() -> None:
    text = (
        f'{{ order(userId: "{ADA.id}", id: "{ORDER}")'
        " { id user { email } items { product { id } } } }"
    )

    outcome = call(text, app_of(ADA, "orders:read"))

    order = outcome.body["data"]["order"]
    assert (order["id"], order["user"], order["items"][0]["product"]["id"]) == (
        ORDER,
        None,
        PRODUCT,
    )
    assert outcome.codes == ["INSUFFICIENT_SCOPE"]
    # The app of an admin reads another user's account with the admin scope only.
    partial = call(text, app_of(ALAN, "admin:orders:read", "account:read"))
    assert (partial.body["data"]["order"]["user"], partial.codes) == (None, ["FORBIDDEN"])
    mine = call("{ me { id orders { totalCount } } }", app_of(ADA, "account:read"))
    assert (mine.body["data"]["me"], mine.codes) == (
        {"id": ADA.id, "orders": None},
        ["INSUFFICIENT_SCOPE"],
    )


def test_client_itself_is_no_user() -> None:
    app = App(CLIENT, frozenset({"admin:users:read", "admin:orders:write"}), is_for_user=False)
    client = Caller(CLIENT, "", Role.ADMIN, app)

    assert call("{ me { id } }", client).data == {"me": None}
    payload = place(client)
    assert [it["code"] for it in payload["userErrors"]] == ["NOT_FOUND"]
    assert place(client, userId=ADA.id)["userErrors"] == []


def test_app_without_any_scope_reads_public_products() -> None:
    assert call("{ products { totalCount } }", app_of(ADA)).status == 200
