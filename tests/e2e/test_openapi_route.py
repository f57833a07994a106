"""The OpenAPI document is served where it says that the API is."""

import json

import httpx

from tests.support.deployed_shop import Shop
from tools.openapi.document import DOCUMENT


def test_the_document_is_served_with_the_path_that_it_was_read_at(shop: Shop) -> None:
    answer = shop.anonymous.get("/openapi.json")
    served, built = answer.json(), json.loads(DOCUMENT.read_text())

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-cache"
    (server,) = served.pop("servers")
    built.pop("servers")
    assert served == built
    health = httpx.URL(shop.url).join(server["url"].rstrip("/") + "/health")
    assert httpx.get(health).json() == {"status": "ok"}


def test_a_slash_at_the_end_makes_no_other_document(shop: Shop) -> None:
    answer = shop.anonymous.get("/openapi.json/")

    assert answer.text == shop.anonymous.get("/openapi.json").text


def test_no_header_of_the_caller_says_where_the_api_is(shop: Shop) -> None:
    misled = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}

    answer = shop.anonymous.get("/openapi.json", headers=misled)

    assert answer.text == shop.anonymous.get("/openapi.json").text
    assert "evil" not in answer.text


def test_the_document_is_not_sent_to_whoever_has_it(shop: Shop) -> None:
    entity_tag = shop.anonymous.get("/openapi.json").headers["ETag"]

    again = shop.anonymous.get("/openapi.json", headers={"If-None-Match": entity_tag})

    assert (again.status_code, again.content) == (304, b"")
