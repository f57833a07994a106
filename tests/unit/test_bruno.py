"""The requests for Bruno: valid bodies, and a value for each variable."""

import json
import re
from typing import Any  # JSON

import jsonschema_rs
import pytest

from tools import bruno
from tools.openapi.document import DOCUMENT

API: Any = json.loads(DOCUMENT.read_text())
FILES = {path: text for path, text in bruno.files(API).items() if path.suffix == ".bru"}
ENVIRONMENT = FILES[bruno.FOLDER / "environments/local.bru"]
# Variables that Bruno computes for each request
COMPUTED = {"$guid", "$randomEmail", "$timestamp"}
# Values in place of variables whose value a request or Bruno sets
VALUES = {
    "{{$randomEmail}}": "ada@example.com",
    "{{$timestamp}}": "1795348800",
    "{{email}}": "ada@example.com",
    "{{password}}": "correct horse battery staple",
    "{{refreshToken}}": "A" * 120,
    "{{productId}}": "0190a6b2-7c9e-7b1a-8f00-0000000000b1",
    "{{clientId}}": "0190a6b2-7c9e-7b1a-8f00-0000000000f1",
}
JSON_BODIES = {
    operation["operationId"]: operation["requestBody"]["content"]["application/json"]["schema"]
    for methods in API["paths"].values()
    for operation in methods.values()
    if "application/json" in operation.get("requestBody", {}).get("content", {})
}


def block(text: str, name: str) -> str:
    [found] = re.findall(rf"^{name} {{\n(.*?)^}}$", text, re.DOTALL | re.MULTILINE)
    return str(found)


@pytest.mark.parametrize("name", JSON_BODIES)
def test_body_of_a_request_is_valid(name: str) -> None:
    [text] = [text for path, text in FILES.items() if path.stem == name]
    body = block(text, "body:json")
    for variable, value in VALUES.items():
        body = body.replace(variable, value)

    schema = {**JSON_BODIES[name], "components": API["components"]}
    jsonschema_rs.validate(schema, json.loads(body))


def test_every_variable_has_a_value() -> None:
    text = "".join(FILES.values())
    used = set(re.findall(r"{{([^}]+)}}", text))
    saved = set(re.findall(r'bru\.setVar\("(\w+)"', text))
    given = set(re.findall(r"^  (\w+): ", ENVIRONMENT, re.MULTILINE))

    assert used == saved | given | COMPUTED


def test_every_operation_has_a_request() -> None:
    operations = {it["operationId"] for methods in API["paths"].values() for it in methods.values()}

    assert {path.stem for path in FILES} == operations | {"local"}


def test_requests_of_a_folder_are_numbered() -> None:
    folders = {path.parent for path in FILES} - {bruno.FOLDER / "environments"}

    for folder in folders:
        texts = [text for path, text in FILES.items() if path.parent == folder]
        numbers = [int(block(text, "meta").rsplit("seq: ", 1)[1]) for text in texts]
        assert numbers == [*range(1, len(texts) + 1)], folder.name
