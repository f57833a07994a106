"""MOCK integrations whose mapping templates are Velocity, as CORS preflights need them."""

import json
import re
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

import airspeed
from ministack.services import apigateway_v1 as gateway

from tools.local_cloud.emulator import exchange
from tools.local_cloud.emulator.exchange import Exchange
from tools.local_cloud.emulator.pinned import pinned

HEADER = "method.response.header."


def apply() -> None:
    evaluate_mapping_templates()


def evaluate_mapping_templates() -> None:
    pinned(gateway, "_invoke_mock_v1", "integration", source='"integrationResponses"')
    pinned(gateway, "_gw_error", "response_type message")
    gateway._invoke_mock_v1 = mock_answer


# Any: the emulator's own record of an integration, and its answer.
def mock_answer(integration: dict[str, Any]) -> Any:
    request = exchange.current.get()
    if request is None:
        raise LookupError("A MOCK integration was called outside of a request.")
    context: dict[str, Any] = {
        "requestId": request.request_id,
        "identity": {"sourceIp": request.peer},
        "responseOverride": {"header": {}},
    }
    names = {"context": context, "input": _Input(request)}

    wanted = _status(_rendered(integration.get("requestTemplates"), names))
    response = _selected(integration["integrationResponses"], wanted)
    if response is None:
        return gateway._gw_error("API_CONFIGURATION_ERROR", "Internal server error")
    body = _rendered(response["responseTemplates"], names)

    headers = {"Content-Type": "application/json"}
    for target, source in response["responseParameters"].items():
        if target.startswith(HEADER) and source.startswith("'"):
            headers[target.removeprefix(HEADER)] = source.strip("'")
    override = context["responseOverride"]
    headers |= {name: str(value) for name, value in override["header"].items() if value}
    return int(override.get("status") or response["statusCode"]), headers, body.encode()


def _rendered(templates: dict[str, str] | None, names: dict[str, Any]) -> str:
    template = (templates or {}).get("application/json", "")
    rendered: str = _parsed(template).merge(names)
    return rendered


@lru_cache
def _parsed(template: str) -> airspeed.Template:
    return airspeed.Template(template)


def _status(rendered: str) -> str | None:
    try:
        return str(json.loads(rendered)["statusCode"])
    except (ValueError, KeyError, TypeError):
        return None


def _selected(responses: dict[str, Any], status: str | None) -> dict[str, Any] | None:
    if status is None:
        return None
    for response in responses.values():
        if response["selectionPattern"] and re.fullmatch(response["selectionPattern"], status):
            return dict(response)
    return next((it for it in responses.values() if not it["selectionPattern"]), None)


class _AnyCase(dict[str, str]):
    """Field names without regard to case, since HTTP has none (RFC 9110 5.1)."""

    def __init__(self, fields: exchange.Headers) -> None:
        super().__init__((name.lower(), value) for name, value in fields)

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        return super().get(name.lower(), default)


class _Input:
    """``$input`` of a mapping template: ``params()`` and ``params("Origin")``."""

    def __init__(self, request: Exchange) -> None:
        self._header = _AnyCase(request.headers)
        queries = parse_qs(request.query, keep_blank_values=True)
        self._query = {name: values[-1] for name, values in queries.items()}

    def params(self, name: str | None = None) -> object:
        if name is None:
            return {"header": self._header, "querystring": self._query, "path": {}}
        return self._query.get(name) or self._header.get(name) or ""
