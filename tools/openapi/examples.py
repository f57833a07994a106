"""Examples that depend on their place in the document: ids by resource, links by route."""

import re
from collections.abc import Mapping
from typing import Any  # values of JSON Schema
from zlib import crc32

type Schema = dict[str, Any]

_IDS = {
    "User": "0190a6b2-7c9e-7b1a-8f00-0000000000a1",
    "Subject": "0190a6b2-7c9e-7b1a-8f00-0000000000a1",
    "Product": "0190a6b2-7c9e-7b1a-8f00-0000000000b1",
    "Order": "0190a6b2-7c9e-7b1a-8f00-0000000000c1",
    "Session": "0190a6b2-7c9e-7b1a-8f00-0000000000e1",
    "Client": "0190a6b2-7c9e-7b1a-8f00-0000000000f1",
    "OAuthClient": "0190a6b2-7c9e-7b1a-8f00-0000000000f1",
    "Authenticator": "0190a6b2-7c9e-7b1a-8f00-0000000000f2",
    "Enrolment": "0190a6b2-7c9e-7b1a-8f00-0000000000f2",
    "Endpoint": "0190a6b2-7c9e-7b1a-8f00-0000000000a9",
    "WebhookEndpoint": "0190a6b2-7c9e-7b1a-8f00-0000000000a9",
    "NewWebhookEndpoint": "0190a6b2-7c9e-7b1a-8f00-0000000000a9",
    "WebhookDelivery": "0190a6b2-7c9e-7b1a-8f00-0000000000aa",
    "AcceptedDelivery": "0190a6b2-7c9e-7b1a-8f00-0000000000aa",
    "Event": "0190a6b2-7c9e-5b1a-8f00-0000000000ab",
}
_NEXT_REFRESH_TOKEN = (
    "AZCmsnyeexqPAAAAAAAAoQGQprJ8nnsanwAAAAAAAKFmZmZmZmZmZmZmZmZm"
    "ZmZmdHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHQ"
)
_LATER = "2026-11-22T18:36:00.123Z"  # later than the other times

# Response examples that differ from their schema's example, by route.
_IN_RESPONSES: Mapping[str, Schema] = {
    "POST /api/users": {"emailVerified": False},
    "POST /api/access-tokens": {"refreshToken": _NEXT_REFRESH_TOKEN},
    # The `id` of the request is that of the credential.
    "POST /api/passkeys": {
        "id": _IDS["Authenticator"],
        "kind": "passkey",
        "lastUsedAt": None,
        "recoveryCodesLeft": None,
    },
    "PATCH /api/products/{productId}": {"updatedAt": _LATER},
    "PATCH /api/users/{userId}": {"updatedAt": _LATER},
    "PUT /api/users/{userId}": {"updatedAt": _LATER},
    "PATCH /api/users/{userId}/orders/{orderId}": {"updatedAt": _LATER},
}


def add_id_examples(schemas: Mapping[str, Schema]) -> None:
    """Set the examples of id fields: `id` is the resource's, `userId` a user's, and so on."""
    for name, schema in schemas.items():
        for field, part in schema.get("properties", {}).items():
            if part.get("format") == "uuid" and "examples" not in part:
                part["examples"] = [id_of(name if field == "id" else field)]


def id_of(name: str) -> str:
    """Return the example id for a resource, such as `User`, or for the id `userId`."""
    resource = (name[0].upper() + name[1:]).removesuffix("Id")
    return _IDS.get(resource) or f"0190a6b2-7c9e-7b1a-8f00-{crc32(resource.encode()):012x}"


def path_of(route: str) -> str:
    """Replace the placeholders of a path such as `/api/users/{userId}` with example ids."""
    return re.sub(r"{(\w+)}", lambda match: id_of(match[1]), route)


def response_example(route: str, request: Schema, response: Schema) -> Schema:
    """Return the example response to the example request, with the values sent."""
    sent = {
        name: value
        for name, value in request.items()
        if name in response and not isinstance(value, dict | list)
    }
    return response | sent | _IN_RESPONSES.get(route, {})
