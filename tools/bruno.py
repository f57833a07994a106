"""Requests for Bruno, an API client for the desktop, from the API document: `docs/bruno/`.

Logging in and creating resources set the variables that later requests use.
https://docs.usebruno.com/bru-lang/overview
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any  # JSON

from tools.deployments import ROOT

type Json = Mapping[str, Any]

FOLDER = ROOT / "docs/bruno"
# Variables in place of the ids and tokens of the document's examples
_VARIABLES = {
    "0190a6b2-7c9e-7b1a-8f00-0000000000a1": "{{userId}}",
    "0190a6b2-7c9e-7b1a-8f00-0000000000b1": "{{productId}}",
    "0190a6b2-7c9e-7b1a-8f00-0000000000f1": "{{clientId}}",
    "shop_cs_MKBCTN": "{{clientSecret}}",
    "correct horse battery staple": "{{password}}",
    "PEAR-1KG": "PEAR-{{$timestamp}}",
}
# Bodies that anybody can send, where the example of the document shows every field
_BODIES: Mapping[str, str] = {
    "createAccessToken": '{"refreshToken": "{{refreshToken}}"}',
    "createOauthClient": """{
        "name": "Invoice robot", "type": "confidential", "grantTypes": ["authorization_code"],
        "redirectUris": ["https://robot.example/callback"], "scopes": ["openid", "orders:read"]
    }""",
    "createSession": '{"email": "{{email}}", "password": "{{password}}"}',
    "createUser": """{
        "email": "{{$randomEmail}}", "name": "Ada Lovelace", "password": "a long walk by the river"
    }""",
    "createWebhookDelivery": "{}",
    "replaceUser": """{
        "email": "{{email}}", "name": "Ada Lovelace", "role": "customer", "status": "active"
    }""",
    "updateUser": '{"name": "Ada Lovelace"}',
}
# Variables that a response sets, by its fields
_SAVED: Mapping[str, Mapping[str, str]] = {
    "createSession": {
        "accessToken": "accessToken",
        "refreshToken": "refreshToken",
        "sessionId": "session.id",
    },
    "createAccessToken": {"accessToken": "accessToken", "refreshToken": "refreshToken"},
    "createProduct": {"productId": "id"},
    "placeOrder": {"orderId": "id"},
    "createOauthClient": {"clientId": "id"},
    "createClientSecret": {"clientSecret": "secret"},
    "createWebhookEndpoint": {"endpointId": "id"},
    "createAuthenticator": {"authenticatorId": "id"},
    "createPasskey": {"authenticatorId": "id"},
}
_ENVIRONMENT = (
    "url: http://localhost:8080",
    "email: ada@example.com",
    "password: local-demo-only",
    "userId: me",
    "version: 2",
    "document: openid-configuration",
    "token: <of the link in an email>",
)


def files(document: Json) -> Mapping[Path, str]:
    """Return the text of each file of the collection."""
    found = {
        FOLDER / "bruno.json": _json({"version": "1", "name": "Shop", "type": "collection"}) + "\n",
        FOLDER / "environments/local.bru": _block("vars", _ENVIRONMENT),
    }
    numbers = Counter[str]()  # by folder, so that a new operation moves only its neighbours
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            name, tag = operation["operationId"], operation["tags"][0]
            numbers[tag] += 1
            file = FOLDER / tag / f"{name}.bru"
            found[file] = "\n".join(_request(document, path, method, operation, numbers[tag]))
    return found


def obsolete(document: Json) -> set[Path]:
    """Return the files of operations that no longer exist."""
    return {*FOLDER.rglob("*.bru")} - files(document).keys()


def _request(document: Json, path: str, method: str, operation: Json, number: int) -> Iterator[str]:
    name = operation["operationId"]
    contents = operation.get("requestBody", {}).get("content", {})
    media_type = next(iter(contents), None)
    is_form = media_type == "application/x-www-form-urlencoded"
    body = "none" if media_type is None else "formUrlEncoded" if is_form else "json"
    has_token = any("accessToken" in it for it in operation.get("security", document["security"]))
    auth = "bearer" if has_token else "none"
    url = re.sub(r"{(\w+)}", r"{{\1}}", path)
    yield _block("meta", [f"name: {name}", "type: http", f"seq: {number}"])
    yield _block(method, [f"url: {{{{url}}}}{url}", f"body: {body}", f"auth: {auth}"])
    if has_token:
        yield _block("auth:bearer", ["token: {{accessToken}}"])
    if "#/components/parameters/IdempotencyKey" in str(operation.get("parameters")):
        yield _block("headers", ["Idempotency-Key: {{$guid}}"])
    if media_type is not None:
        example = next(iter(contents[media_type]["examples"].values()))["value"]
        if is_form:
            lines = [f"{field}: {value}" for field, value in example.items()]
            yield _with_variables(_block("body:form-urlencoded", lines))
        else:
            text = _json(json.loads(_BODIES[name]) if name in _BODIES else example)
            yield _with_variables(_block("body:json", text.splitlines()))
    if saved := _SAVED.get(name):
        yield _block("script:post-response", _script(saved))
    yield _block("docs", [*operation["description"].strip().splitlines()])


def _script(saved: Mapping[str, str]) -> list[str]:
    statements = [f'bru.setVar("{name}", res.body.{field});' for name, field in saved.items()]
    return ["if (res.status === 201) {", *(f"  {it}" for it in statements), "}"]


def _block(name: str, lines: Iterable[str]) -> str:
    return "".join([f"{name} {{\n", *(f"  {line}\n" if line else "\n" for line in lines), "}\n"])


def _with_variables(text: str) -> str:
    for example, variable in _VARIABLES.items():
        text = text.replace(example, variable)
    return text


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
