"""Breaking changes since the last release are in the changelog."""

import json
import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.support.sam_template import ROOT
from tools.openapi.breaking import breaking_changes
from tools.openapi.document import DOCUMENT

type Part = Any  # Any: the document is JSON

RELEASED = ROOT / "docs/openapi.released.json"
NOW = json.loads(DOCUMENT.read_text())


def named_in(changelog: str) -> list[str]:
    """Return the code spans under `### Breaking` of the newest version."""
    newest = changelog.split("\n## ")[1]
    _, _, section = newest.partition("### Breaking\n")
    return re.findall(r"`([^`]+)`", section.partition("\n### ")[0])


def schema(document: Part, name: str) -> Part:
    return document["components"]["schemas"][name]


def operation(document: Part, route: str) -> Part:
    method, path = route.split(" ")
    return document["paths"][path][method.lower()]


def field(document: Part, name: str, field: str) -> Part:
    return schema(document, name)["properties"][field]


def parameter(document: Part, route: str, name: str) -> Part:
    return next(it for it in operation(document, route)["parameters"] if it.get("name") == name)


def examples(document: Part, response: str) -> Part:
    return document["components"]["responses"][response]["content"]["application/json"]["examples"]


def test_incompatible_change_is_named_in_the_changelog() -> None:
    found = breaking_changes(json.loads(RELEASED.read_text()), NOW)

    named = named_in((ROOT / "CHANGELOG.md").read_text())
    assert [it for it in found if it not in named] == [], (
        "put each as `code` under ### Breaking of the newest version in CHANGELOG.md"
    )


def test_breaking_changes_are_read_from_the_newest_version_only() -> None:
    changelog = (
        "# Changelog\n\n## Unreleased\n\n### Added\n\n* `GET /a: gone`\n\n### Breaking\n\n"
        "* `GET /b: gone`\n\n### Fixed\n\n* `GET /c: gone`\n\n"
        "## 1\n\n### Breaking\n\n* `GET /d: gone`\n"
    )

    assert named_in(changelog) == ["GET /b: gone"]


BREAKING: dict[str, Callable[[Part], object]] = {
    "GET /health: gone": lambda it: it["paths"].pop("/health"),
    "GET /health: operationId": lambda it: operation(it, "GET /health").update(operationId="x"),
    "GET /health: no longer open to anyone": lambda it: operation(it, "GET /health").pop(
        "security"
    ),
    "POST /api/users 409: gone": lambda it: operation(it, "POST /api/users")["responses"].pop(
        "409"
    ),
    "POST /api/users 201 Location: gone": lambda it: operation(it, "POST /api/users")["responses"][
        "201"
    ]["headers"].pop("Location"),
    "POST /api/users body.name: maxLength": lambda it: schema(it, "UserCreate")["properties"][
        "name"
    ].update(maxLength=50),
    "POST /api/users body.phone: required": lambda it: schema(it, "UserCreate")["required"].append(
        "phone"
    ),
    "POST /api/users body.name: gone": lambda it: schema(it, "UserCreate")["properties"].pop(
        "name"
    ),
    "POST /api/users 201 body.role: may be absent": lambda it: schema(it, "User")[
        "required"
    ].remove("role"),
    "POST /api/users 201 body.name: type": lambda it: schema(it, "User")["properties"][
        "name"
    ].update(type=["string", "null"]),
    "PATCH /api/users/{userId} body.status: enum": lambda it: schema(it, "UserStatus")[
        "enum"
    ].remove("inactive"),
    "PATCH /api/users/{userId} body: application/json gone": lambda it: operation(
        it, "PATCH /api/users/{userId}"
    )["requestBody"]["content"].pop("application/json"),
    "POST /api/products body.sku: pattern": lambda it: schema(it, "ProductCreate")["properties"][
        "sku"
    ].update(pattern="^[A-Z]+$"),
    "GET /api/products query.colour: new and required": lambda it: operation(
        it, "GET /api/products"
    )["parameters"].append(
        {"name": "colour", "in": "query", "required": True, "schema": {"type": "string"}}
    ),
    "GET /api/products query.cursor: gone": lambda it: operation(it, "GET /api/products")[
        "parameters"
    ].remove(parameter(it, "GET /api/products", "cursor")),
    "GET /api/products query.limit: maximum": lambda it: parameter(
        it, "GET /api/products", "limit"
    )["schema"].update(maximum=50),
    "GET /api/products query.sort: default": lambda it: parameter(it, "GET /api/products", "sort")[
        "schema"
    ].update(default="name"),
    "GET /api/products query.limit: default": lambda it: parameter(
        it, "GET /api/products", "limit"
    )["schema"].update(default=10),
    "GET /api/products query.status: default": lambda it: parameter(
        it, "GET /api/products", "status"
    )["schema"].pop("default"),
    "GET /api/users query.status: default": lambda it: parameter(it, "GET /api/users", "status")[
        "schema"
    ].update(default="active"),
    "POST /api/products body.status: default": lambda it: field(
        it, "ProductCreate", "status"
    ).update(default="inactive"),
    "POST /api/users 409: EMAIL_IN_USE gone": lambda it: operation(it, "POST /api/users")[
        "responses"
    ].update({"409": {"$ref": "#/components/responses/SkuInUse"}}),
    "GET /api/users 403: FORBIDDEN gone": lambda it: operation(it, "GET /api/users")["responses"][
        "403"
    ]["content"]["application/json"]["examples"].pop("FORBIDDEN"),
    "Error.error.details: maxItems": lambda it: field(it, "ErrorContent", "details").update(
        maxItems=100_000
    ),
    "securitySchemes.accessToken: type": lambda it: it["components"].update(
        securitySchemes={"accessToken": {"type": "apiKey", "in": "header", "name": "X-Key"}}
    ),
    "securitySchemes.accessToken: scheme": lambda it: it["components"].update(securitySchemes={}),
    "GET /api/sessions: security": lambda it: it.update(security=[{"apiKey": []}]),
    "DELETE /api/users/{userId}: security": lambda it: operation(
        it, "DELETE /api/users/{userId}"
    ).update(security=[{"accessToken": [], "apiKey": []}]),
    "Error.error.details: gone": lambda it: schema(it, "ErrorContent")["properties"].pop("details"),
    "POST /api/sessions 201 body.tokenType: gone": lambda it: schema(it, "TokenGrant")[
        "properties"
    ].pop("tokenType"),
    "GET /health 200 body.status: gone": lambda it: schema(it, "Health")["properties"].pop(
        "status"
    ),
    "POST /api/users 201 body.name: maxLength": lambda it: field(it, "User", "name").update(
        maxLength=5000
    ),
    "GET /api/users 200 body.meta.total: minimum": lambda it: field(it, "Meta", "total").update(
        minimum=-100
    ),
    "GET /api/users 200 body.meta.limit: maximum": lambda it: field(it, "Meta", "limit").pop(
        "maximum"
    ),
    "GET /api/users 200 body.data: maxItems": lambda it: field(it, "UserPage", "data").update(
        maxItems=1000
    ),
    "POST /api/users 201 body.email: type": lambda it: field(it, "User", "email").pop("type"),
    "GET /health 200 X-Request-Id: may be absent": lambda it: it["components"]["headers"][
        "X-Request-Id"
    ].update(required=False),
    "GET /health 200 X-Request-Id: maxLength": lambda it: it["components"]["headers"][
        "X-Request-Id"
    ]["schema"].update(maxLength=100),
}


@pytest.mark.parametrize("expected", BREAKING)
def test_breaking_change_is_found(expected: str) -> None:
    new = deepcopy(NOW)

    BREAKING[expected](new)

    assert expected in breaking_changes(NOW, new)


def test_addition_is_not_breaking() -> None:
    new = deepcopy(NOW)

    new["paths"]["/api/coupons"] = {"get": {}}
    schema(new, "User")["properties"]["phone"] = {"type": "string"}
    schema(new, "UserCreate")["properties"]["phone"] = {"type": "string"}
    schema(new, "UserCreate")["properties"]["name"]["maxLength"] = 500
    schema(new, "OrderStatus")["enum"].append("returned")
    operation(new, "GET /health")["responses"]["409"] = {"headers": {}}
    examples(new, "EmailInUse")["NAME_IN_USE"] = {}
    schema(new, "UserCreate")["required"].remove("name")
    field(new, "UserCreate", "name")["default"] = "Ada"
    field(new, "User", "name")["maxLength"] = 50
    new["components"]["securitySchemes"]["apiKey"] = {"type": "apiKey"}
    operation(new, "GET /api/sessions")["security"] = [{"apiKey": []}, {"accessToken": []}]
    operation(new, "GET /api/orders")["security"] = []

    assert breaking_changes(NOW, new) == []
