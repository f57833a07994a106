"""Errors in the document: one schema, and the codes of each operation."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any  # JSON values

from shop.entrypoints.http import Endpoint
from shop.errors import (
    BadRequest,
    Detail,
    Forbidden,
    InsufficientScope,
    InternalError,
    PayloadTooLarge,
    ServiceUnavailable,
    ShopError,
    TooManyRequests,
    Unauthorized,
    UnsupportedMediaType,
    ValidationFailed,
)
from shop.http.messages import message_of
from shop.http.request import MAX_TOKENS
from tools.openapi.headers import header, headers

_REQUEST_ID = "0190a6b2-7c9e-4b1a-8f00-0000000000d1"
# Examples for every operation, since each rejects unknown fields and parameters.
_UNKNOWN_FIELD = Detail("body.colour", "extra_forbidden", message_of("body", "extra_forbidden", {}))
_UNKNOWN_PARAMETER = Detail(
    "query.colour", "extra_forbidden", message_of("query", "extra_forbidden", {})
)
# Responses name every wrong field. A body of MAX_TOKENS has fewer names than that, and a URL, which
# the gateway limits to 10 KB, has fewer query parameters.
_MAX_DETAILS = 2 * MAX_TOKENS
_INVALID_BODY = "InvalidBody"  # the shared response with an example of a request body
# Authentication fails with 401 in the gateway, before a function runs.
_HEADERS = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}

type Schema = dict[str, Any]


def all_errors() -> list[type[ShopError]]:
    return sorted(ShopError.__subclasses__(), key=lambda error: (error.status, error.code))


def errors_of(endpoint: Endpoint) -> frozenset[type[ShopError]]:
    """Return all errors of an operation: its own, the entry point's and the gateway's."""
    of_all = {BadRequest, TooManyRequests, InternalError, ServiceUnavailable}
    of_all |= set() if endpoint.ignores_query else {ValidationFailed}
    of_callers = {Unauthorized} if endpoint.needs_caller else set()
    is_scoped = endpoint.needs_caller and not endpoint.is_open_to_apps
    of_scopes = {InsufficientScope} if is_scoped else set()
    of_access = {Forbidden} if endpoint.access else set()
    of_bodies = {PayloadTooLarge, UnsupportedMediaType} if endpoint.body else set()
    of_bodies |= {PayloadTooLarge} if endpoint.form else set()
    return frozenset({*endpoint.raises, *of_all, *of_callers, *of_scopes, *of_access, *of_bodies})


def error_schemas() -> dict[str, Schema]:
    detail = {
        "type": "object",
        "description": "One invalid field or parameter.",
        "required": list(Detail._fields),
        "properties": {
            "field": _text(200, "body.items.0.quantity", "a dotted path"),
            "code": {**_text(100, "greater_than_equal"), "pattern": "^[a-z0-9_]+$"},
            "message": _text(1000, "Must be at least 1."),
        },
    }
    content = {
        "type": "object",
        "description": "The error's code, message and details.",
        "required": ["code", "message", "requestId"],
        "properties": {
            "code": {
                "type": "string",
                "enum": [error.code for error in all_errors()],
                "description": "the machine-readable code, explained in docs/errors.md",
            },
            "message": _text(500, "The request is not valid.", "for people; may change"),
            "requestId": {
                **_text(36, _REQUEST_ID, "include it when you report a problem"),
                "format": "uuid",
            },
            "details": {
                "type": "array",
                "maxItems": _MAX_DETAILS,
                "items": {"$ref": "#/components/schemas/ErrorDetail"},
            },
        },
    }
    error = {
        "type": "object",
        "description": "The shape of every error, including errors of the gateway.",
        "required": ["error"],
        "properties": {"error": {"$ref": "#/components/schemas/ErrorContent"}},
    }
    example = _example(ValidationFailed, has_body=True)
    detail["examples"] = example["error"]["details"]
    content["examples"] = [example["error"]]
    error["examples"] = [example]
    return {"Error": error, "ErrorContent": content, "ErrorDetail": detail}


def shared_responses() -> dict[str, Schema]:
    """Return the responses of statuses with a single code, by the error's name."""
    shared = {error.__name__: _response([error], has_body=False) for error in all_errors()}
    return shared | {_INVALID_BODY: _response([ValidationFailed], has_body=True)}


def responses(errors: Iterable[type[ShopError]], has_body: bool) -> dict[str, Schema]:
    by_status = defaultdict(list)
    for error in sorted(errors, key=lambda error: error.code):
        by_status[error.status].append(error)
    return {
        str(status): {"$ref": f"#/components/responses/{_shared_name(same_status[0], has_body)}"}
        if len(same_status) == 1
        else _response(same_status, has_body)
        for status, same_status in by_status.items()
    }


def _shared_name(error: type[ShopError], has_body: bool) -> str:
    return _INVALID_BODY if has_body and error is ValidationFailed else error.__name__


def _response(errors: Sequence[type[ShopError]], has_body: bool) -> Schema:
    status = errors[0].status
    codes = ", ".join(f"`{error.code}`" for error in errors)
    sent = headers("X-Request-Id", "Cache-Control", "Access-Control-Allow-Origin")
    if status in _HEADERS:
        sent |= header(_HEADERS[status])
    return {
        "description": f"{HTTPStatus(status).phrase}: {codes}",
        "headers": sent,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Error"},
                "examples": {
                    error.code: {"summary": error.message, "value": _example(error, has_body)}
                    for error in errors
                },
            }
        },
    }


def _example(error: type[ShopError], has_body: bool) -> Any:
    content: Schema = {"code": error.code, "message": error.message, "requestId": _REQUEST_ID}
    if error is ValidationFailed:
        content["details"] = [(_UNKNOWN_FIELD if has_body else _UNKNOWN_PARAMETER)._asdict()]
    return {"error": content}


def _text(max_length: int, example: str, description: str | None = None) -> Schema:
    schema = {"type": "string", "maxLength": max_length, "examples": [example]}
    return schema if description is None else {**schema, "description": description}
