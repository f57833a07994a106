"""Refusals in the document: one shape, and the codes that an operation may answer."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any  # what JSON is made of

from shop.errors import Detail, ShopError, ValidationFailed
from tools.openapi.headers import header, headers

_REQUEST_ID = "0190a6b2-7c9e-4b1a-8f00-0000000000d1"
_DETAILS = {
    ValidationFailed: Detail("query.limit", "less_than_equal", "Input should be <= 100"),
}
# The gateway refuses with the first, before a function runs.
_HEADERS = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}

type Schema = dict[str, Any]


def all_errors() -> list[type[ShopError]]:
    return sorted(ShopError.__subclasses__(), key=lambda error: (error.status, error.code))


def error_schemas() -> dict[str, Schema]:
    detail = {
        "type": "object",
        "description": "One place to point at.",
        "required": list(Detail._fields),
        "properties": {
            "field": _text(200, "body.items.0.quantity", "a dotted path"),
            "code": {**_text(100, "greater_than_equal"), "pattern": "^[a-z0-9_]+$"},
            "message": _text(1000, "Input should be greater than or equal to 1"),
        },
    }
    told = {
        "type": "object",
        "description": "What was refused and why.",
        "required": ["code", "message", "requestId"],
        "properties": {
            "code": {
                "type": "string",
                "enum": [error.code for error in all_errors()],
                "description": "what programs decide by: docs/errors.md says what each means",
            },
            "message": _text(500, "The request is not valid.", "for people; it may change"),
            "requestId": {
                **_text(36, _REQUEST_ID, "to quote when you report a problem"),
                "format": "uuid",
            },
            "details": {
                "type": "array",
                "maxItems": 50,
                "items": {"$ref": "#/components/schemas/ErrorDetail"},
            },
        },
    }
    error = {
        "type": "object",
        "description": "The one shape of every refusal, the gateway's own included.",
        "required": ["error"],
        "properties": {"error": {"$ref": "#/components/schemas/ErrorContent"}},
    }
    example = _example(ValidationFailed)
    detail["examples"] = example["error"]["details"]
    told["examples"] = [example["error"]]
    error["examples"] = [example]
    return {"Error": error, "ErrorContent": told, "ErrorDetail": detail}


def shared_responses() -> dict[str, Schema]:
    """By the name of each error: what a status with this code alone is answered with."""
    return {error.__name__: _response([error]) for error in all_errors()}


def responses(errors: Iterable[type[ShopError]]) -> dict[str, Schema]:
    by_status = defaultdict(list)
    for error in sorted(errors, key=lambda error: error.code):
        by_status[error.status].append(error)
    return {
        str(status): {"$ref": f"#/components/responses/{alike[0].__name__}"}
        if len(alike) == 1
        else _response(alike)
        for status, alike in by_status.items()
    }


def _response(errors: Sequence[type[ShopError]]) -> Schema:
    status = errors[0].status
    codes = ", ".join(f"`{error.code}`" for error in errors)
    told = headers("X-Request-Id", "Cache-Control", "Access-Control-Allow-Origin")
    if status in _HEADERS:
        told |= header(_HEADERS[status])
    return {
        "description": f"{HTTPStatus(status).phrase}: {codes}",
        "headers": told,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Error"},
                "examples": {
                    error.code: {"summary": error.message, "value": _example(error)}
                    for error in errors
                },
            }
        },
    }


def _example(error: type[ShopError]) -> Any:
    told: Schema = {"code": error.code, "message": error.message, "requestId": _REQUEST_ID}
    if error in _DETAILS:
        told["details"] = [_DETAILS[error]._asdict()]
    return {"error": told}


def _text(longest: int, example: str, description: str | None = None) -> Schema:
    told = {"type": "string", "maxLength": longest, "examples": [example]}
    return told if description is None else {**told, "description": description}
