"""Sample events of routes, from the examples of the API document, for `sam local` and the tests.

Only a missing file of events/ is derived: an existing one may have more realistic values.
"""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any  # the document and the events are JSON
from urllib.parse import urlencode

from shop.caller import Caller, Role
from shop.entrypoints.http import Endpoint
from tools.deployments import ROOT
from tools.openapi.document import endpoints

FOLDER = ROOT / "events"

_CUSTOMER = "0190a6b2-7c9e-7b1a-8f00-0000000000a1"
_ADMIN = "0190a6b2-7c9e-7b1a-8f00-0000000000ad"
_SESSION = "0190a6b2-7c9e-7b1a-9f00-0000000000a1"
_HOST = "abc123.execute-api.eu-central-1.amazonaws.com"

type Part = dict[str, Any]

# The authorizer's context for an application that acts for the customer
_APP: Part = {
    "principalId": _CUSTOMER,
    "user": _CUSTOMER,
    "client": "0190a6b2-7c9e-7b1a-8f00-0000000000f1",
    "family": _SESSION,
    "gate_role": Role.CUSTOMER.value,
    "scope": "openid profile email",
    "integrationLatency": 12,
}


def missing(document: Part) -> dict[Path, str]:
    """Return the events of routes that have none, by file."""
    return {
        path: json.dumps(sample_event(endpoint, document), indent=2, ensure_ascii=False) + "\n"
        for name, endpoint in endpoints().items()
        if not (path := FOLDER / f"{name.partition('/')[2]}.json").exists()
    }


def sample_event(endpoint: Endpoint, document: Part) -> Part:
    """Return the event of the gateway for the documented example request."""
    operation = document["paths"][endpoint.path][endpoint.method.lower()]
    values = _path_parameters(operation)
    path = endpoint.path
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", value)
    headers = {
        "Accept": "application/json",
        "Host": _HOST,
        "User-Agent": "curl/8.7.1",
        "X-Amzn-Trace-Id": "Root=1-674a1b2c-0123456789abcdef01234567",
        "X-Forwarded-For": "192.0.2.10",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
    }
    context = {
        "accountId": "123456789012",
        "apiId": "abc123",
        "domainName": _HOST,
        "domainPrefix": "abc123",
        "extendedRequestId": "VoRVTGuwFiAEPCQ=",
        "httpMethod": endpoint.method,
        "identity": {"sourceIp": "192.0.2.10", "userAgent": "curl/8.7.1"},
        "path": f"/prod{path}",
        "protocol": "HTTP/1.1",
        "requestId": "5b3f1c8e-8a58-4c3e-9d1a-0f3f6f3f2a01",
        "requestTime": "22/Nov/2026:12:00:00 +0000",
        "requestTimeEpoch": 1795348800000,
        "resourceId": "r1e2s3",
        "resourcePath": endpoint.path,
        "stage": "prod",
    }
    if endpoint.needs_caller:
        headers["Authorization"] = "Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIuLi4ifQ.c2lnbmF0dXJl"
        is_for_apps = not any(
            "accessToken" in it for it in operation.get("security", [{"accessToken": []}])
        )
        context["authorizer"] = _APP if is_for_apps else _authorized(_caller_of(endpoint, values))
    body = None
    if "requestBody" in operation:
        media, content = next(iter(operation["requestBody"]["content"].items()))
        headers["Content-Type"] = media
        example = next(iter(content["examples"].values()))["value"]
        text = urlencode(example) if endpoint.form else json.dumps(example)
        body = b64encode(text.encode()).decode()
    query = _required_parameters(operation) or None
    return {
        "resource": endpoint.path,
        "path": path,
        "httpMethod": endpoint.method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": query,
        "multiValueQueryStringParameters": query and {n: [value] for n, value in query.items()},
        "pathParameters": values or None,
        "stageVariables": None,
        "requestContext": context,
        "body": body,
        "isBase64Encoded": body is not None,
    }


def _path_parameters(operation: Part) -> dict[str, str]:
    return {
        it["name"]: it["schema"]["examples"][0]
        for it in operation["parameters"]
        if it.get("in") == "path"
    }


def _required_parameters(operation: Part) -> dict[str, str]:
    return {
        it["name"]: it["schema"]["examples"][0]
        for it in operation["parameters"]
        if it.get("in") == "query" and it["required"]
    }


def _caller_of(endpoint: Endpoint, values: dict[str, str]) -> Caller:
    """Return the customer of the path, or an admin if the route rejects customers."""
    customer = Caller(_CUSTOMER, _SESSION, Role.CUSTOMER)
    user_id = values.get("userId", "")
    if endpoint.access is None or endpoint.access.allows(customer, user_id):
        return customer
    return Caller(_ADMIN, _SESSION, Role.ADMIN)


def _authorized(caller: Caller) -> Part:
    return {
        "principalId": caller.id,
        "sub": caller.id,
        "sid": caller.session_id,
        "role": caller.role.value,
        "scope": "shop shop:admin" if caller.is_admin else "shop",
        "integrationLatency": 12,
    }
