"""The document that is served says that the API is below the path that was asked for."""

import json

import pytest

from functions.system.show_open_api import handler
from tests.support.gateway_events import Context, event


@pytest.mark.parametrize(
    ("prefix", "url"), [("/prod", "/prod"), ("/shop/v1", "/shop/v1"), ("", "/")]
)
def test_the_server_is_the_stage_or_the_base_path(prefix: str, url: str) -> None:
    headers = {"Host": "evil.example", "X-Forwarded-Prefix": "/evil"}

    answer = handler(event("GET /openapi.json", prefix=prefix, headers=headers), Context())

    assert [server["url"] for server in json.loads(answer["body"])["servers"]] == [url]
    assert "evil" not in answer["body"]


@pytest.mark.parametrize(("prefix", "url"), [("/prod", "/prod"), ("", "/")])
def test_a_slash_at_the_end_makes_no_other_document(prefix: str, url: str) -> None:
    sent = event("GET /openapi.json", prefix=prefix)
    sent["requestContext"]["path"] += "/"

    answer = handler(sent, Context())

    assert answer == handler(event("GET /openapi.json", prefix=prefix), Context())
    assert [server["url"] for server in json.loads(answer["body"])["servers"]] == [url]


def test_another_path_is_another_entity_tag() -> None:
    tags = {
        handler(event("GET /openapi.json", prefix=prefix), Context())["headers"]["ETag"]
        for prefix in ("/prod", "/staging", "/prod")
    }

    assert len(tags) == 2
