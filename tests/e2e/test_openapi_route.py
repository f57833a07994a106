"""The OpenAPI document names the server URL under which it was requested."""

import json

import httpx2

from tests.support.deployed_shop import Shop
from tools.openapi.document import DOCUMENT


def test_document_has_the_path_of_its_request_as_server(shop: Shop) -> None:
    response = shop.anonymous.get("/openapi.json")
    served, built = response.json(), json.loads(DOCUMENT.read_text())

    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-cache"
    (server,) = served.pop("servers")
    built.pop("servers")
    assert served == built
    health = httpx2.URL(shop.url).join(server["url"].rstrip("/") + "/health")
    assert httpx2.get(health).json() == {"status": "ok"}


def test_trailing_slash_returns_the_same_document(shop: Shop) -> None:
    response = shop.anonymous.get("/openapi.json/")

    assert response.text == shop.anonymous.get("/openapi.json").text


def test_request_headers_do_not_change_the_server(shop: Shop) -> None:
    misled = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}

    response = shop.anonymous.get("/openapi.json", headers=misled)

    assert response.text == shop.anonymous.get("/openapi.json").text
    assert "evil" not in response.text


def test_unchanged_document_is_304(shop: Shop) -> None:
    entity_tag = shop.anonymous.get("/openapi.json").headers["ETag"]

    again = shop.anonymous.get("/openapi.json", headers={"If-None-Match": entity_tag})

    assert (again.status_code, again.content) == (304, b"")
