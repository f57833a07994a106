"""The served OpenAPI document has the requested path as its server URL."""

import json

import pytest

from functions.system.show_open_api import handler
from tests.support.gateway_events import Context, event


@pytest.mark.parametrize(
    ("prefix", "url"), [("/prod", "/prod"), ("/shop/v1", "/shop/v1"), ("", "/")]
)
def test_server_is_the_stage_or_the_base_path(prefix: str, url: str) -> None:
    headers = {"Host": "evil.example", "X-Forwarded-Prefix": "/evil"}

    response = handler(event("GET /openapi.json", prefix=prefix, headers=headers), Context())

    document = json.loads(response["body"])
    assert [server["url"] for server in document["servers"]] == [url]
    assert "evil" not in response["body"]
    # Relative to the server's URL, a path with a slash would lose the stage (RFC 3986, 5.2.2).
    flows = document["components"]["securitySchemes"]["oauth2"]["flows"]
    assert {text for flow in flows.values() for name, text in flow.items() if "Url" in name} == {
        f"{prefix}/oauth/authorize",
        f"{prefix}/oauth/token",
    }


@pytest.mark.parametrize(("prefix", "url"), [("/prod", "/prod"), ("", "/")])
def test_trailing_slash_returns_the_same_document(prefix: str, url: str) -> None:
    sent = event("GET /openapi.json", prefix=prefix)
    sent["requestContext"]["path"] += "/"

    response = handler(sent, Context())

    assert response == handler(event("GET /openapi.json", prefix=prefix), Context())
    assert [server["url"] for server in json.loads(response["body"])["servers"]] == [url]


def test_each_path_has_its_own_entity_tag() -> None:
    tags = {
        handler(event("GET /openapi.json", prefix=prefix), Context())["headers"]["ETag"]
        for prefix in ("/prod", "/staging", "/prod")
    }

    assert len(tags) == 2
