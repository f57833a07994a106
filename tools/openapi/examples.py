"""Examples of the document that depend on where they stand: ids by resource, links by route."""

import re
from collections.abc import Mapping
from typing import Any  # what JSON Schema is made of

type Schema = dict[str, Any]

_IDS = {
    "User": "0190a6b2-7c9e-7b1a-8f00-0000000000a1",
    "Product": "0190a6b2-7c9e-7b1a-8f00-0000000000b1",
    "Order": "0190a6b2-7c9e-7b1a-8f00-0000000000c1",
    "Session": "0190a6b2-7c9e-7b1a-8f00-0000000000e1",
}
_NEXT_REFRESH_TOKEN = (
    "AZCmsnyeexqPAAAAAAAAoQGQprJ8nnsanwAAAAAAAKFmZmZmZmZmZmZmZmZm"
    "ZmZmdHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHQ"
)
_LATER = "2026-11-22T18:36:00.123Z"  # than the other times


# Where the example of a response differs from that of its schema, by route.
_IN_RESPONSES: Mapping[str, Schema] = {
    "POST /api/users": {"emailVerified": False},
    "POST /api/access-tokens": {"refreshToken": _NEXT_REFRESH_TOKEN},
    "PATCH /api/products/{productId}": {"updatedAt": _LATER},
    "PATCH /api/users/{userId}": {"updatedAt": _LATER},
    "PUT /api/users/{userId}": {"updatedAt": _LATER},
    "PATCH /api/users/{userId}/orders/{orderId}": {"updatedAt": _LATER},
}


def add_id_examples(schemas: Mapping[str, Schema]) -> None:
    """To `id` that of the resource, to `userId` that of a user, wherever it stands."""
    for name, schema in schemas.items():
        for field, part in schema.get("properties", {}).items():
            if part.get("format") == "uuid" and "examples" not in part:
                part["examples"] = [id_of(name if field == "id" else field)]


def id_of(name: str) -> str:
    """Of a resource, or of what refers to it: `User` or `userId`. Raises KeyError for others."""
    return _IDS[(name[0].upper() + name[1:]).removesuffix("Id")]


def path_of(route: str) -> str:
    """A path of this route, such as `/api/users/{userId}`, with ids in it."""
    return re.sub(r"{(\w+)}", lambda match: id_of(match[1]), route)


def response_example(route: str, request: Schema, response: Schema) -> Schema:
    """The example of the response to the example of the request: it has the values sent."""
    sent = {
        name: value
        for name, value in request.items()
        if name in response and not isinstance(value, dict | list)
    }
    return response | sent | _IN_RESPONSES.get(route, {})
