"""API Gateway proxy events for tests that call a handler."""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from shop.caller import Caller


@dataclass(frozen=True)
class Context:
    """The attributes of Lambda's context object that handlers read."""

    function_name: str = "function"
    aws_request_id: str = "5b3f1c8e-8a58-4c3e-9d1a-0f3f6f3f2a01"
    log_stream_name: str = "stream"
    milliseconds: int = 30_000  # a worker's time; requests have 10_000

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


def event(
    route: str,
    path: Mapping[str, str] | None = None,
    *,
    body: object = None,
    form: Mapping[str, str] | None = None,
    raw: bytes | None = None,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    caller: Caller | None = None,
    prefix: str = "/local",
) -> dict[str, Any]:
    """Return a proxy event of `METHOD /path`; `body` is sent as JSON, `raw` as it is."""
    method, resource = route.split(" ")
    sent = dict(headers or {})
    if body is not None:
        raw = json.dumps(body).encode()
    if form is not None:
        raw = urlencode(form).encode()
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    if raw is not None and "content-type" not in {name.lower() for name in sent}:
        sent["Content-Type"] = "application/json"
    filled = resource
    for name, value in (path or {}).items():
        filled = filled.replace(f"{{{name}}}", value)
    context: dict[str, Any] = {
        "requestId": "11111111-2222-3333-4444-555555555555",
        "path": prefix + filled,
        "identity": {"sourceIp": "192.0.2.1", "userAgent": "a browser"},
    }
    if caller is not None:
        context["authorizer"] = {"principalId": caller.id, **_authorized(caller)}
    return {
        "httpMethod": method,
        "resource": resource,
        "path": filled,
        "pathParameters": dict(path) if path else None,
        "headers": sent,
        "multiValueHeaders": {name: [text] for name, text in sent.items()},
        "multiValueQueryStringParameters": {n: [v] for n, v in query.items()} if query else None,
        "requestContext": context,
        "body": b64encode(raw).decode() if raw is not None else None,
        "isBase64Encoded": raw is not None,
    }


def _authorized(caller: Caller) -> dict[str, str]:
    """Return the authorizer's context of a session, or of a third-party app."""
    if caller.app is None:
        role = caller.role.value
        return {"sub": caller.id, "sid": caller.session_id, "role": role, "scope": "shop"}
    return {
        "user": caller.id if caller.app.is_for_user else "",
        "client": caller.app.client_id,
        "family": caller.session_id,
        "gate_role": caller.role.value,
        "scope": " ".join(caller.app.scopes),
    }
