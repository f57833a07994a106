"""Validation errors use the words of the API, all of one request in one response."""

import json
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic_core.core_schema import ErrorType

from shop.http.messages import MESSAGES, message_of
from shop.http.request import MAX_TOKENS
from shop.operators.commands import EndSessions, ResendEmail, ResetSecondFactors, StatusChange
from tests.support.fixtures import ADMIN, ALICE
from tests.support.gateway_events import Context, event
from tools.openapi.document import DOCUMENT, endpoints

type Core = Any  # Any: pydantic-core schemas are nested dictionaries

ENDPOINTS = endpoints()
COMMANDS = (ResendEmail, EndSessions, ResetSecondFactors, StatusChange)
BODIES = {it.body for it in ENDPOINTS.values() if it.body}
QUERIES = {it.query for it in ENDPOINTS.values() if it.query}
INPUTS: list[type[BaseModel]] = [*BODIES, *QUERIES, *COMMANDS]
INPUTS.sort(key=lambda model: model.__name__)
ID = "01900000-0000-7000-8000-000000000001"

# The error types of each core schema, and the limits that cause them.
ALWAYS = {
    "str": {"string_type", "string_unicode"},
    "int": {"int_type", "int_from_float", "int_parsing", "int_parsing_size"},
    "bool": {"bool_type"},
    "list": {"list_type"},
    "dict": {"dict_type"},
    "enum": {"enum"},
    "literal": {"literal_error"},
    "model": {"model_type"},
    "model-fields": {"missing", "extra_forbidden"},
}
BY_LIMIT = {
    ("str", "min_length"): "string_too_short",
    ("str", "max_length"): "string_too_long",
    ("str", "pattern"): "string_pattern_mismatch",
    ("int", "ge"): "greater_than_equal",
    ("int", "le"): "less_than_equal",
    ("list", "min_length"): "too_short",
    ("list", "max_length"): "too_long",
}
LIMITS = {"min_length", "max_length", "pattern", "ge", "le", "gt", "lt", "multiple_of"}
# Compound schemas add no error of their own, and functions raise custom ones.
COMPOUND = {
    *("default", "nullable", "definitions", "definition-ref", "model-field", "any"),
    *("function-before", "function-after", "function-wrap", "function-plain"),
    # SecretStr, a union with the error of a string.
    *("lax-or-strict", "json-or-python", "union", "is-instance"),
}


def reachable(part: Core) -> Iterator[str]:
    if isinstance(part, list | tuple):
        for inner in part:
            yield from reachable(inner)
    if not isinstance(part, dict):
        return
    kind = part.get("type")
    if not isinstance(kind, str):  # a field may have that name
        kind = None
    if kind in ALWAYS:
        yield from ALWAYS[kind]
        for limit in LIMITS & part.keys():
            yield BY_LIMIT[kind, limit]
    elif isinstance(kind, str) and kind not in ("no-info", "with-info"):
        assert kind in COMPOUND, f"say by which errors {kind} fails"
    for name, inner in part.items():
        if name not in ("serialization", "metadata", "function", "default", "members", "expected"):
            yield from reachable(inner)


@pytest.mark.parametrize("model", INPUTS, ids=lambda model: model.__name__)
def test_every_error_type_that_a_schema_can_fail_by_has_a_message(model: type[BaseModel]) -> None:
    model.model_rebuild()

    found = set(reachable(model.__pydantic_core_schema__))

    assert {"model_type", "extra_forbidden"} <= found
    assert found <= MESSAGES.keys(), "add the message to MESSAGES in shop/http/messages.py"


def test_table_holds_types_that_some_schema_fails_by_and_no_other() -> None:
    found = {type_ for model in INPUTS for type_ in reachable(model.__pydantic_core_schema__)}

    assert found == MESSAGES.keys() <= set(get_args(ErrorType))


@pytest.mark.parametrize(
    ("type_", "context", "message"),
    [
        ("string_too_short", {"min_length": 1}, "Must be at least 1 character."),
        ("string_too_short", {"min_length": 2}, "Must be at least 2 characters."),
        ("too_short", {"min_length": 1}, "Must have at least 1 item."),
        ("too_long", {"max_length": 50, "actual_length": 51}, "Must have at most 50 items."),
        ("greater_than_equal", {"ge": 1}, "Must be at least 1."),
        ("less_than_equal", {"le": 100}, "Must be at most 100."),
        ("enum", {"expected": "'active' or 'inactive'"}, "Must be 'active' or 'inactive'."),
        ("missing", {}, "This field is required."),
        ("extra_forbidden", {}, "Unknown field."),
        ("model_type", {"class_name": "UserCreate"}, "Must be an object."),
        ("value_error", {"error": ValueError("inside")}, "This value is not valid."),
        ("url_parsing", {"error": "inside"}, "This value is not valid."),
        ("our_own", {"message": "Must {not} be 0."}, "Must {not} be 0."),
    ],
)
def test_message_of_a_type(type_: str, context: dict[str, Any], message: str) -> None:
    assert message_of("body", type_, context, "Inside.") == message


def test_custom_error_keeps_its_message() -> None:
    assert message_of("body", "uuid", {}, "Must be a UUID.") == "Must be a UUID."


def test_unknown_query_parameter_has_its_own_message() -> None:
    assert message_of("query", "extra_forbidden", {}) == "Unknown query parameter."


WRONG: list[Any] = [
    *(None, True, 0, -1, 2.5, 10**30, [], {}, [[]], [{}], "", "x", "x" * 2000, "\u200b"),
    *("\u202e", "1.5", "a@b", 'a"@b.example', "KWD", "eur", "password1", "12345678901" * 9),
]
FAMILIAR = re.compile(
    r"Input should|should have at|should match|Value error|Field required|Extra inputs"
)


def wrong_bodies(model: type[BaseModel]) -> Iterator[Any]:
    names = [field.alias or name for name, field in model.model_fields.items()]
    yield from ([], "x", None, {"unknown": 1})
    for wrong in WRONG:
        yield dict.fromkeys(names, wrong)


def details_of(handler: Any, given: dict[str, Any]) -> list[dict[str, str]]:
    response = handler(given, Context())
    assert response["statusCode"] == 422, response["body"]
    details: list[dict[str, str]] = json.loads(response["body"])["error"]["details"]
    return details


@pytest.mark.parametrize("name", sorted(n for n, it in ENDPOINTS.items() if it.body))
def test_messages_never_have_the_wording_of_pydantic(name: str) -> None:
    endpoint = ENDPOINTS[name]
    assert endpoint.body is not None
    path = dict.fromkeys(endpoint.path_names.values(), ID) | {
        "userId": "me",
        "token": "x" * 43,
        "version": "1",
    }

    for body in wrong_bodies(endpoint.body):
        raw = json.dumps(body).encode()
        # The unknown parameter rejects a valid body before storage.
        given = event(endpoint.route, path, raw=raw, query={"x": "1"}, caller=ADMIN)
        for detail in details_of(endpoint, given):
            message = detail["message"]
            assert not FAMILIAR.search(message), message
            assert message[0].isupper(), message
            assert message.endswith(".") or detail["code"] == "string_pattern_mismatch", message
            assert message != "This value is not valid.", detail


def posted(route: str, body: dict[str, Any], **query: str) -> list[tuple[str, str, str]]:
    endpoint = next(it for it in ENDPOINTS.values() if it.route == route)
    path = {"userId": "me", "productId": ID, "token": "x" * 43}
    details = details_of(endpoint, event(route, path, body=body, query=query, caller=ADMIN))
    return [(detail["field"], detail["code"], detail["message"]) for detail in details]


def test_sign_up_reports_all_errors_in_one_response() -> None:
    body = {"email": "nobody", "name": "\u200b", "password": "short", "admin": True}

    found = posted("POST /api/users", body, page="1")

    assert [(field, code) for field, code, _ in found] == [
        ("body.email", "email"),
        ("body.name", "invisible_text"),
        ("body.password", "password_too_short"),
        ("body.admin", "extra_forbidden"),
        ("query.page", "extra_forbidden"),
    ]
    assert [message for _, _, message in found][1:] == [
        "Must contain a visible character.",
        "Must be at least 8 characters.",
        "Unknown field.",
        "Unknown query parameter.",
    ]


def test_sign_up_compares_the_password_with_the_email_beside_other_errors() -> None:
    body = {"email": "Ada@Example.com", "name": "", "password": "ada@example.com"}

    assert posted("POST /api/users", body) == [
        ("body.name", "string_too_short", "Must be at least 1 character."),
        ("body.password", "password_is_email", "Must not be the email address."),
    ]


@pytest.mark.parametrize(
    ("route", "body", "found"),
    [
        (
            "PUT /api/users/{userId}/password",
            {"newPassword": "password1"},
            [
                ("body.currentPassword", "missing"),
                ("body.newPassword", "password_too_common"),
            ],
        ),
        (
            "PUT /api/password-resets/{token}",
            {"password": "short", "email": "ada@example.com"},
            [("body.password", "password_too_short"), ("body.email", "extra_forbidden")],
        ),
        (
            "POST /api/products",
            {"sku": "", "price": "100.50", "currency": "JPY", "name": "Pear", "stock": -1},
            [
                ("body.sku", "string_too_short"),
                ("body.price", "amount_precision"),
                ("body.stock", "greater_than_equal"),
            ],
        ),
        (
            "POST /api/products",
            {"sku": "PEAR", "price": "1", "currency": "KWD", "name": "Pear"},
            [
                ("body.price", "value_error"),
                ("body.currency", "currency_not_offered"),
                ("body.stock", "missing"),
            ],
        ),
        (
            "PATCH /api/products/{productId}",
            {"sku": "-", "stock": -1, "stockDelta": 0, "price": "0.01", "currency": "KRW"},
            [
                ("body.sku", "string_pattern_mismatch"),
                ("body.price", "amount_precision"),
                ("body.stockDelta", "not_zero"),
                ("body.stock", "stock_twice"),
            ],
        ),
        (
            "POST /api/users/{userId}/orders",
            {"items": [{"productId": "x", "quantity": 0}, {}], "note": "\u2800"},
            [
                ("body.items.0.productId", "uuid"),
                ("body.items.0.quantity", "greater_than_equal"),
                ("body.items.1.productId", "missing"),
                ("body.items.1.quantity", "missing"),
                ("body.note", "invisible_text"),
            ],
        ),
        (
            "POST /api/users/{userId}/orders",
            {
                "items": [
                    {"productId": ID, "quantity": 999},
                    {"productId": ALICE.id, "quantity": 999},
                    {"productId": ID, "quantity": 1},
                ],
                "note": "",
            },
            [
                ("body.items.0.quantity", "less_than_equal"),
                ("body.items.2.quantity", "less_than_equal"),
                ("body.note", "string_too_short"),
            ],
        ),
        (
            "POST /api/users/{userId}/orders",
            {
                "items": [
                    {"productId": ID, "quantity": 999},
                    {"productId": ID.upper(), "quantity": 999.0, "colour": "red"},
                    {"productId": ID, "quantity": 1.5},
                    {"productId": "x", "quantity": 999},
                    7,
                ],
            },
            [
                ("body.items.1.colour", "extra_forbidden"),
                ("body.items.2.quantity", "int_type"),
                ("body.items.3.productId", "uuid"),
                ("body.items.4", "model_type"),
                ("body.items.0.quantity", "less_than_equal"),
                ("body.items.1.quantity", "less_than_equal"),
            ],
        ),
    ],
)
def test_rules_between_fields_are_named_beside_other_errors(
    route: str, body: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    assert [(field, code) for field, code, _ in posted(route, body)] == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (
            {"page": "0", "cursor": "x", "limit": "101", "status": "x", "colour": "red"},
            [
                ("query.limit", "less_than_equal"),
                ("query.page", "page_and_cursor"),
                ("query.status", "enum"),
                ("query.colour", "extra_forbidden"),
            ],
        ),
        (
            {"page": "101", "limit": "100", "search": "ada", "sort": "name"},
            [("query.page", "page_too_deep"), ("query.search", "search_sort")],
        ),
        (
            {"page": "1", "cursor": "x" * 513},
            [("query.cursor", "string_too_long"), ("query.page", "page_and_cursor")],
        ),
        (
            {"page": "10001", "limit": "x"},
            [("query.limit", "int_parsing"), ("query.page", "page_too_deep")],
        ),
    ],
)
def test_rules_between_parameters_are_named_beside_other_errors(
    query: dict[str, str], found: list[tuple[str, str]]
) -> None:
    listing = ENDPOINTS["users/list_users"]

    details = details_of(listing, event(listing.route, query=query, caller=ADMIN))

    assert [(detail["field"], detail["code"]) for detail in details] == found


def test_repeated_parameters_are_named_beside_other_errors() -> None:
    listing = ENDPOINTS["users/list_users"]
    given = event(listing.route, caller=ADMIN)
    given["multiValueQueryStringParameters"] = {"page": ["1", "2"], "limit": ["0"], "x": ["1"]}

    assert [(it["field"], it["message"]) for it in details_of(listing, given)] == [
        ("query.page", "Must be given once."),
        ("query.limit", "Must be at least 1."),
        ("query.x", "Unknown query parameter."),
    ]


def test_malformed_header_outweighs_body_errors() -> None:
    place = ENDPOINTS["orders/place_order"]
    headers = {"Idempotency-Key": "with space"}

    response = place(
        event(place.route, {"userId": "me"}, body={}, headers=headers, caller=ALICE), Context()
    )

    assert response["statusCode"] == 400
    assert json.loads(response["body"])["error"]["message"].startswith("Idempotency-Key")


def test_order_with_only_invalid_fields_names_each() -> None:
    lines = [{"productId": "x", "quantity": 0}] * 50

    found = posted("POST /api/users/{userId}/orders", {"items": lines, "note": "", "colour": 1})

    assert [field for field, _, _ in found] == [
        *(f"body.items.{n}.{field}" for n in range(50) for field in ("productId", "quantity")),
        *("body.note", "body.colour"),
    ]


def test_longest_list_of_errors_is_complete_and_within_the_documented_limit() -> None:
    document = json.loads(DOCUMENT.read_text())
    limit = document["components"]["schemas"]["ErrorContent"]["properties"]["details"]["maxItems"]
    names = {f"{n:03}" + "x" * 390: 1 for n in range(49)}  # a string and a comma each
    body = {"items": [names] * (MAX_TOKENS // 98 - 1), **{f"{n}": 1 for n in range(20)}}

    found = posted("POST /api/users/{userId}/orders", body)

    assert len(found) == 50 * (49 + 2) + 20 <= limit
    # Lambda's limit for a response is 6 MB.
    assert len(json.dumps(found)) < 2 * 1024 * 1024
