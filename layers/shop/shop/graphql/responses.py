"""Responses of GraphQL over HTTP: https://graphql.github.io/graphql-over-http/draft/"""

import re
from typing import TYPE_CHECKING, Any, ClassVar  # data and errors are JSON

from shop.graphql.errors import as_text
from shop.http.response_models import ResponseModel

if TYPE_CHECKING:
    from shop.http.request import Request

GRAPHQL_JSON = "application/graphql-response+json"
# With any weight but zero (RFC 9110, 12.5.1).
_NAMED = re.compile(
    rf"(^|[\s,]){re.escape(GRAPHQL_JSON)}\s*(?!;[^,]*q=0(\.0*)?\s*(;|,|$))(;|,|$)", re.IGNORECASE
)


def media_type_for(request: "Request") -> str:
    """Return the media type of GraphQL if the client names it, else that of JSON."""
    accepted = request.headers.get("accept", "")
    return GRAPHQL_JSON if _NAMED.search(accepted) else "application/json"


_INDEX = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1, "format": "int32"}
_EXTENSIONS = {
    "type": "object",
    "required": ["code", "requestId"],
    "properties": {
        "code": {"type": "string", "maxLength": 100, "description": "as of an error of REST"},
        "requestId": {"type": "string", "maxLength": 36, "format": "uuid"},
        "details": {
            "type": "array",
            "maxItems": 10_000,
            "items": {"$ref": "#/components/schemas/ErrorDetail"},
        },
        "retryAfter": {**_INDEX, "description": "seconds"},
    },
}
_ERRORS = {
    "type": "array",
    "maxItems": 10_000,
    "items": {
        "type": "object",
        "required": ["message", "extensions"],
        "properties": {
            "message": {"type": "string", "maxLength": 50_000},
            "extensions": _EXTENSIONS,
            "locations": {
                "type": "array",
                "maxItems": 1000,
                "items": {
                    "type": "object",
                    "required": ["line", "column"],
                    "properties": {"line": _INDEX, "column": _INDEX},
                },
            },
            "path": {
                "type": "array",
                "maxItems": 100,
                "items": {**_INDEX, "type": ["string", "integer"], "maxLength": 20_000},
            },
        },
    },
}
_REQUEST_ID = "0190a6b2-7c9e-4b1a-8f00-0000000000d1"
_MESSAGE = "Cannot query field 'ids' on type 'User'."
_EXAMPLE = {"code": "GRAPHQL_VALIDATION_FAILED", "requestId": _REQUEST_ID}


class GraphQlErrors(ResponseModel):
    """The errors of a document that was not executed."""

    body_schema: ClassVar = {
        "type": "object",
        "required": ["errors"],
        "properties": {"errors": _ERRORS},
        "examples": [{"errors": [{"message": _MESSAGE, "extensions": _EXAMPLE}]}],
    }


class GraphQlResult(ResponseModel):
    """Data, and the errors of single fields, whose value is null."""

    sends: ClassVar = ("Idempotent-Replayed",)
    body_schema: ClassVar = {
        "type": "object",
        "required": ["data"],
        "properties": {
            "data": {"type": ["object", "null"], "description": "as in the schema of GraphQL"},
            "errors": _ERRORS,
        },
        "examples": [{"data": {"me": {"id": "0190a6b2-7c9e-7b1a-8f00-0000000000a1"}}}],
    }

    data: Any
    errors: list[dict[str, Any]]
    is_replayed: bool

    def as_text(self) -> str:
        errors = {"errors": self.errors} if self.errors else {}
        return as_text({**errors, "data": self.data})

    def headers(self, request: "Request") -> dict[str, str]:
        replayed = {"Idempotent-Replayed": "true"} if self.is_replayed else {}
        return {"Content-Type": media_type_for(request), **replayed}
