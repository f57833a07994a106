"""The API page on the deployed stack: Swagger UI from the layer, through the gateway."""

import re

import httpx2
import pytest

from tests.support.deployed_shop import Shop


@pytest.fixture
def page(shop: Shop) -> httpx2.Response:
    return shop.anonymous.get("/docs")


def test_root_redirects_to_the_docs_page(shop: Shop, page: httpx2.Response) -> None:
    led = shop.anonymous.get("/", follow_redirects=True)

    assert [it.status_code for it in led.history] == [307]
    assert led.url == page.url
    assert led.text == page.text
    assert led.headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("end", ["", "/"])
def test_docs_assets_are_served_with_and_without_a_trailing_slash(shop: Shop, end: str) -> None:
    page = shop.anonymous.get(f"/docs{end}")

    linked = re.findall(r'(?:src|href)="(/[^"]*)"', page.text)

    assert len(linked) == 4
    for address in linked:
        assert shop.anonymous.get(page.url.join(address)).status_code == 200, address
    # The attribute that its script reads for the document and the API.
    beside = page.url.join(linked[-1]).join("../openapi.json")
    assert beside == shop.anonymous.get("/openapi.json").url


def test_content_security_policy_allows_its_own_assets_only(
    page: httpx2.Response,
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


def test_redirect_page_ignores_its_query_and_allows_its_script_only(shop: Shop) -> None:
    path = "/docs/oauth2-redirect.html"

    response = shop.anonymous.get(path, params={"code": "c", "state": "s", "iss": shop.url})

    assert (response.status_code, response.text) == (200, shop.anonymous.get(path).text)
    assert response.headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    # The window of a login needs the window that opened it.
    assert "Cross-Origin-Opener-Policy" not in response.headers


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("oauth2-redirect.html", "text/html"),
        ("oauth2-redirect.js", "text/javascript"),
        ("page.css", "text/css"),
        ("page.js", "text/javascript"),
        ("swagger-ui.css", "text/css"),
        ("swagger-ui.js", "text/javascript"),
    ],
)
@pytest.mark.parametrize("accept", ["*/*", "text/css,*/*;q=0.1"])
def test_compressed_and_plain_assets_are_equal(
    shop: Shop, name: str, media_type: str, accept: str
) -> None:
    def get(encoding: str) -> httpx2.Response:
        headers = {"Accept": accept, "Accept-Encoding": encoding}
        return shop.anonymous.get(f"/docs/{name}", headers=headers)

    plain, compressed = get("identity"), get("gzip")

    assert plain.headers["Content-Type"] == f"{media_type}; charset=utf-8"
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert plain.content == compressed.content
    assert compressed.num_bytes_downloaded < plain.num_bytes_downloaded
    assert compressed.headers["Cache-Control"] == "no-cache"


def test_text_assets_stay_text_for_any_accept_header(shop: Shop) -> None:
    for accept in ("*/*", "application/json", "image/png"):
        response = shop.anonymous.get("/health", headers={"Accept": accept})
        assert response.json() == {"status": "ok"}


def test_bodies_that_are_not_json_are_still_rejected(shop: Shop) -> None:
    response = shop.anonymous.post(
        "/api/sessions", content=b"\xff\x00", headers={"Content-Type": "image/png"}
    )

    assert response.status_code == 415
