"""Request and response headers in the document."""

from typing import Any  # JSON values

from shop.http.request import ENTITY_TAGS_PATTERN, IDEMPOTENCY_KEY_PATTERN

type Schema = dict[str, Any]

_MAX_LENGTH = 8192  # characters; the gateway allows 10,240 bytes for all headers together


def _text(max_length: int, example: str, **more: str) -> Schema:
    return {"type": "string", "maxLength": max_length, "examples": [example], **more}


_RESPONSE_HEADERS: dict[str, tuple[str, Schema]] = {
    "Access-Control-Allow-Origin": (
        "The origin whose pages may read the response; absent for other origins",
        _text(256, "https://shop.example"),
    ),
    "Cache-Control": ("Whether and for how long the response may be cached", _text(64, "no-store")),
    "Content-Disposition": (
        "The file name under which to save the response (RFC 6266)",
        _text(
            128, 'attachment; filename="personal-data-0190a6b2-7c9e-7b1a-8f00-0000000000a1.json"'
        ),
    ),
    "ETag": (
        "The version of the resource, for If-Match and If-None-Match",
        _text(80, '"1"', pattern=r'^"[\x21\x23-\x7e]*"$'),
    ),
    "Idempotent-Replayed": (
        "Present if this is the stored response of an earlier request",
        {"type": "string", "enum": ["true"], "examples": ["true"]},
    ),
    "Retry-After": (
        "Seconds to wait before a retry",
        {
            "type": "integer",
            "format": "int32",
            "minimum": 1,
            "maximum": 86400,
            "examples": [1],
        },
    ),
    "WWW-Authenticate": (
        "How to authenticate (RFC 6750); sent if the gateway rejects the token",
        _text(64, "Bearer"),
    ),
    "X-Request-Id": (
        "The id of the request, also in logs and traces",
        _text(36, "0190a6b2-7c9e-4b1a-8f00-0000000000d1", format="uuid"),
    ),
}
# Not shared, since each route has its own example.
_LINKS: dict[str, tuple[str, Schema]] = {
    "Link": (
        "The first, previous, next and last page where they exist (RFC 8288)",
        {"type": "string", "maxLength": _MAX_LENGTH},
    ),
    "Location": (
        "The path of the created resource",
        {"type": "string", "maxLength": 2048, "format": "uri-reference"},
    ),
}
_OPTIONAL = {"Access-Control-Allow-Origin", "Idempotent-Replayed", "WWW-Authenticate"}

_REQUEST_HEADERS: dict[str, tuple[str, str, Schema]] = {
    "IdempotencyKey": (
        "Idempotency-Key",
        "Makes retries safe: for 24 hours, the same key and body return the stored first response",
        _text(255, "my-first-order", pattern=f"^{IDEMPOTENCY_KEY_PATTERN}$") | {"minLength": 1},
    ),
    "IfMatch": (
        "If-Match",
        "Entity tags, or `*`: other versions return 412",
        _text(_MAX_LENGTH, '"1"', pattern=f"^({ENTITY_TAGS_PATTERN})$"),
    ),
    "IfNoneMatch": (
        "If-None-Match",
        "Entity tags, or `*`: a matching version returns 304",
        _text(_MAX_LENGTH, '"1"', pattern=f"^({ENTITY_TAGS_PATTERN})$"),
    ),
}


def header(name: str) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"}}


def headers(*names: str) -> Schema:
    return {name: schema for each in names for name, schema in header(each).items()}


def link(name: str, example: str) -> Schema:
    """Return `Link` or `Location` with an example."""
    description, schema = _LINKS[name]
    return {
        "description": description,
        "required": True,
        "schema": {**schema, "examples": [example]},
    }


def shared_headers() -> Schema:
    return {
        name: {"description": description, "required": name not in _OPTIONAL, "schema": schema}
        for name, (description, schema) in _RESPONSE_HEADERS.items()
    }


def shared_parameters() -> Schema:
    return {
        key: {
            "name": name,
            "in": "header",
            "required": False,
            "description": description,
            "schema": schema,
        }
        for key, (name, description, schema) in _REQUEST_HEADERS.items()
    }
