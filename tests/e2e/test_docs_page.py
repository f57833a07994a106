"""The page of the API on the deployed stack: Swagger UI out of the layer, through the gateway."""

import re

import httpx
import pytest

from tests.support.deployed_shop import Shop


@pytest.fixture
def page(shop: Shop) -> httpx.Response:
    return shop.anonymous.get("/docs")


def test_the_root_leads_to_the_page(shop: Shop, page: httpx.Response) -> None:
    led = shop.anonymous.get("/", follow_redirects=True)

    assert [it.status_code for it in led.history] == [307]
    assert led.url == page.url
    assert led.text == page.text
    assert led.headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("end", ["", "/"])
def test_all_that_it_loads_is_there_also_with_a_slash_at_the_end(shop: Shop, end: str) -> None:
    page = shop.anonymous.get(f"/docs{end}")

    linked = re.findall(r'(?:src|href)="(/[^"]*)"', page.text)

    assert len(linked) == 4
    for address in linked:
        assert shop.anonymous.get(page.url.join(address)).status_code == 200, address
    # By which its script finds the document and the API
    beside = page.url.join(linked[-1]).join("../openapi.json")
    assert beside == shop.anonymous.get("/openapi.json").url


def test_its_policy_lets_in_what_is_served_beside_it_and_nothing_else(
    page: httpx.Response,
) -> None:
    directives = page.headers["Content-Security-Policy"].split("; ")

    assert dict(it.split(" ", 1) for it in directives) == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("page.css", "text/css"),
        ("page.js", "text/javascript"),
        ("swagger-ui.css", "text/css"),
        ("swagger-ui.js", "text/javascript"),
    ],
)
@pytest.mark.parametrize("accept", ["*/*", "text/css,*/*;q=0.1"])
def test_what_it_loads_is_the_same_compressed_and_not(
    shop: Shop, name: str, media_type: str, accept: str
) -> None:
    def get(encoding: str) -> httpx.Response:
        headers = {"Accept": accept, "Accept-Encoding": encoding}
        return shop.anonymous.get(f"/docs/{name}", headers=headers)

    plain, compressed = get("identity"), get("gzip")

    assert plain.headers["Content-Type"] == f"{media_type}; charset=utf-8"
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert plain.content == compressed.content
    assert compressed.num_bytes_downloaded < plain.num_bytes_downloaded
    assert compressed.headers["Cache-Control"] == "no-cache"


def test_what_is_text_stays_text_whatever_the_client_accepts(shop: Shop) -> None:
    for accept in ("*/*", "application/json", "image/png"):
        answer = shop.anonymous.get("/health", headers={"Accept": accept})
        assert answer.json() == {"status": "ok"}


def test_bodies_that_are_no_json_are_refused_as_ever(shop: Shop) -> None:
    answer = shop.anonymous.post(
        "/api/sessions", content=b"\xff\x00", headers={"Content-Type": "image/png"}
    )

    assert answer.status_code == 415
