"""The OpenAPI document names the server URL under which it was requested."""

import json

import httpx

from tests.support.deployed_shop import Shop
from tools.openapi.document import DOCUMENT


def test_document_has_the_path_of_its_request_as_server(shop: Shop) -> None:
    answer = shop.anonymous.get("/openapi.json")
    served, built = answer.json(), json.loads(DOCUMENT.read_text())

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-cache"
    (server,) = served.pop("servers")
    built.pop("servers")
    assert served == built
    health = httpx.URL(shop.url).join(server["url"].rstrip("/") + "/health")
    assert httpx.get(health).json() == {"status": "ok"}


def test_trailing_slash_returns_the_same_document(shop: Shop) -> None:
    answer = shop.anonymous.get("/openapi.json/")

    assert answer.text == shop.anonymous.get("/openapi.json").text


def test_request_headers_do_not_change_the_server(shop: Shop) -> None:
    misled = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}

    answer = shop.anonymous.get("/openapi.json", headers=misled)

    assert answer.text == shop.anonymous.get("/openapi.json").text
    assert "evil" not in answer.text


def test_unchanged_document_is_304(shop: Shop) -> None:
    entity_tag = shop.anonymous.get("/openapi.json").headers["ETag"]

    again = shop.anonymous.get("/openapi.json", headers={"If-None-Match": entity_tag})

    assert (again.status_code, again.content) == (304, b"")
