"""A check of responses, and of the accepted requests, against the OpenAPI document."""

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx2
from jsonschema_rs import Draft202012Validator

from tools.openapi.document import DOCUMENT

# Headers with a meaning, which an operation must declare.
TOLD = ("etag", "idempotent-replayed", "link", "location", "retry-after", "www-authenticate")

type Part = dict[str, Any]


class Broken(AssertionError):
    """A violation of the contract by a response or by the document."""


@dataclass(frozen=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    operation: Part


class Contract:
    def __init__(self, document: Part) -> None:
        self._components = document["components"]
        self._closed = {
            name: _closed(schema) for name, schema in self._components["schemas"].items()
        }
        self._routes = [
            Route(method.upper(), re.compile(_pattern(path)), operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        ]
        self._validators: dict[tuple[int, bool], Draft202012Validator] = {}

    def check(self, response: httpx2.Response, prefix: str) -> None:
        """Raise `Broken` for a violation; skip routes outside the document, which are 404."""
        request = response.request
        path = request.url.raw_path.decode().partition("?")[0]
        found = self._found(request.method, path.removeprefix(prefix))
        if found is None:
            return
        route, matched = found
        at = f"{request.method} {path}: {response.status_code}"
        declared = route.operation["responses"].get(str(response.status_code))
        if declared is None:
            raise Broken(f"{at} is not declared: {response.text[:500]}")
        declared = self._resolved(declared)
        self._check_headers(at, response, declared["headers"])
        self._check_body(at, response, declared.get("content", {}))
        if response.is_success:
            self._check_taken(at, request, route.operation, matched)

    def _found(self, method: str, path: str) -> tuple[Route, re.Match[str]] | None:
        for route in self._routes:
            if route.method == method and (matched := route.pattern.fullmatch(path)):
                return route, matched
        return None

    def _check_headers(self, at: str, response: httpx2.Response, declared: Part) -> None:
        for name, header in declared.items():
            header = self._resolved(header)
            text = response.headers.get(name)
            if text is not None:
                self._validate(f"{at}, {name}", header["schema"], _read(text, header["schema"]))
            elif header["required"]:
                raise Broken(f"{at} has no {name}")
        names = {name.lower() for name in declared}
        if undeclared := [name for name in TOLD if name in response.headers and name not in names]:
            raise Broken(f"{at} has {undeclared}, which are not declared")

    def _check_body(self, at: str, response: httpx2.Response, declared: Part) -> None:
        if not declared:
            if response.content:
                raise Broken(f"{at} has a body, which is not declared")
            return
        media_type = response.headers["Content-Type"].partition(";")[0]
        if media_type not in declared:
            raise Broken(f"{at} is {media_type}, which is not declared")
        if media_type != "application/json":
            return
        body = response.json()
        self._validate(at, declared[media_type]["schema"], body)
        if response.is_error:
            codes = declared[media_type]["examples"].keys()
            code = _code_of(body)
            if code not in codes:
                raise Broken(f"{at} {code} is not one of {codes}")

    def _check_taken(
        self, at: str, request: httpx2.Request, operation: Part, matched: re.Match[str]
    ) -> None:
        """Check that the document permits the accepted request."""
        sent = {
            "path": {name: unquote(text) for name, text in matched.groupdict().items()},
            "query": dict(request.url.params),
            "header": request.headers,
        }
        declared = [self._resolved(parameter) for parameter in operation["parameters"]]
        for parameter in declared:
            name, schema = parameter["name"], parameter["schema"]
            if name in sent[parameter["in"]]:
                value = _read(sent[parameter["in"]][name], schema)
                self._validate(f"{at}, sent {name}", schema, value, ours=False)
        known = {parameter["name"] for parameter in declared if parameter["in"] == "query"}
        unknown = sent["query"].keys() - known
        if unknown and not operation.get("x-ignores-query"):
            raise Broken(f"{at} took {unknown}, which are not declared")
        if "requestBody" in operation:
            media_type = request.headers["Content-Type"].partition(";")[0].lower()
            schema = operation["requestBody"]["content"][media_type]["schema"]
            is_form = media_type == "application/x-www-form-urlencoded"
            text = request.content.decode()
            body = dict(parse_qsl(text)) if is_form else json.loads(text)
            self._validate(f"{at}, sent body", self._resolved(schema), body, ours=False)

    def _validate(self, at: str, schema: Part, value: Any, ours: bool = True) -> None:
        """Validate a value; our own values also reject undeclared fields and malformed formats."""
        # By identity: the schemas belong to the document, which lives as long as this object.
        key = id(schema), ours
        if key not in self._validators:
            schemas = self._closed if ours else self._components["schemas"]
            whole = {**schema, "components": {"schemas": schemas}}
            self._validators[key] = Draft202012Validator(whole, validate_formats=ours)
        error = next(self._validators[key].iter_errors(value), None)
        if error is not None:
            raise Broken(f"{at}: {error.message} at {error.instance_path}")

    def _resolved(self, part: Part) -> Part:
        if "$ref" not in part:
            return part
        kind, name = part["$ref"].split("/")[-2:]
        resolved: Part = self._components[kind][name]
        return resolved


@cache
def contract() -> Contract:
    return Contract(json.loads(DOCUMENT.read_text()))


def _pattern(path: str) -> str:
    return re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path))


def _closed(schema: Any) -> Any:
    """Forbid undeclared fields: clients must ignore them, this check must not."""
    if isinstance(schema, list):
        return [_closed(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(inner) for name, inner in schema.items() if name != "examples"}
    if closed.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed


def _read(text: str, schema: Part) -> object:
    """Parse a header or parameter by its declared type."""
    return int(text) if schema.get("type") == "integer" and text.isdecimal() else text


def _code_of(body: Part) -> str:
    """Return the code of an error of GraphQL, of OAuth, whose errors are texts, or of the API."""
    if "errors" in body:
        return str(body["errors"][0]["extensions"]["code"])
    return str(body["error"] if isinstance(body["error"], str) else body["error"]["code"])
