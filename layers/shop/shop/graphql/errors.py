"""Errors in the form of GraphQL: codes of the REST API, and no values of variables."""

import json
from collections.abc import Mapping, Sequence
from typing import Any  # errors are JSON

from graphql import GraphQLError

from shop.errors import (
    Detail,
    Forbidden,
    InsufficientScope,
    ShopError,
    TooManyRequests,
    Unauthorized,
)
from shop.http.protocol_errors import ProtocolError
from shop.http.rendering import as_shop_error
from shop.http.response import Response
from shop.observability import logger

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"

type Json = dict[str, Any]

# The caller must not do this at all: no reason that a form could show beside its fields.
_OF_ACCESS = (Unauthorized, Forbidden, InsufficientScope, TooManyRequests)
_ARGUMENTS = {"limit": "first", "cursor": "after"}


class InvalidDocument(Exception):
    """A request that is not executed: its errors, and the status of HTTP."""

    def __init__(self, *errors: str | GraphQLError, status: int = 422) -> None:
        self.errors = [GraphQLError(it) if isinstance(it, str) else it for it in errors]
        self.status = status
        super().__init__(status)


def is_user_error(error: ShopError) -> bool:
    """Return whether a payload reports the error, not the response."""
    return error.status < 500 and not isinstance(error, _OF_ACCESS)


def user_errors(error: ShopError) -> list[Json]:
    """Return an error for each invalid input, or one for the whole mutation."""
    if not error.details:
        return [{"code": error.code, "message": error.message, "field": None}]
    return [
        {"code": error.code, "message": it.message, "field": ["input", *it.field.split(".")[1:]]}
        for it in error.details
    ]


def rejection(invalid: InvalidDocument, media_type: str, request_id: str) -> ProtocolError:
    """Return the response to a request that is not executed."""
    code = PARSE_FAILED if invalid.status == 400 else VALIDATION_FAILED
    errors = [
        _rendered(error, error.message, {"code": code, "requestId": request_id})
        for error in invalid.errors
    ]
    headers = {"Cache-Control": "no-store", "Content-Type": media_type}
    return ProtocolError(Response(invalid.status, headers, as_text({"errors": errors})), code)


def field_errors(
    errors: Sequence[GraphQLError], request_id: str, *, has_changed: bool
) -> list[Json]:
    """Return the errors of fields; raise the error that fails the whole request, if there is one.

    A failure of ours is a 5xx as in REST, or alarms and canaries would not see it. After a mutation
    it is an error of its field, or clients would send the mutation again.
    """
    return [_field_error(error, request_id, has_changed) for error in errors]


def _field_error(error: GraphQLError, request_id: str, has_changed: bool) -> Json:
    cause = error.original_error or error
    known = cause if isinstance(cause, ShopError) else as_shop_error(cause)
    if known.status >= 500:
        if not has_changed:
            raise cause
        logger().error("failure after a mutation", exc_info=cause)
    extensions: Json = {"code": known.code, "requestId": request_id}
    if known.details:
        extensions["details"] = [_with_argument(it)._asdict() for it in known.details]
    if known.retry_after is not None:
        extensions["retryAfter"] = known.retry_after
    return _rendered(error, known.message, extensions)


def _with_argument(detail: Detail) -> Detail:
    """Return the detail with the name of the argument that the client wrote."""
    name = detail.field.removeprefix("query.")
    return detail._replace(field=_ARGUMENTS.get(name, name))


def _rendered(error: GraphQLError, message: str, extensions: Json) -> Json:
    locations = [{"line": it.line, "column": it.column} for it in error.locations or ()]
    return {
        "message": message,
        **({"locations": locations} if locations else {}),
        **({"path": error.path} if error.path else {}),
        "extensions": extensions,
    }


def as_text(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
