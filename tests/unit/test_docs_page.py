"""The API page and its assets, as the handlers return them."""

import re
from base64 import b64decode
from gzip import decompress
from typing import Any

import pytest

from functions.docs.show_docs import handler as show_docs
from functions.docs.show_docs_asset import handler as show_docs_asset
from functions.docs.show_root import handler as show_root
from tests.support.gateway_events import Context, event

ASSETS = ("page.css", "page.js", "swagger-ui.css", "swagger-ui.js")
REDIRECT_PAGE = ("oauth2-redirect.html", "oauth2-redirect.js")
BROWSER = {"Accept": "*/*", "Accept-Encoding": "gzip, deflate, br"}


def get(name: str, **headers: str) -> dict[str, Any]:
    sent = event("GET /docs/{asset}", {"asset": name}, headers=headers)
    return show_docs_asset(sent, Context())


@pytest.mark.parametrize("name", ASSETS + REDIRECT_PAGE)
def test_compressed_asset_equals_the_plain_one(name: str) -> None:
    plain, compressed = get(name), get(name, **BROWSER)

    assert (plain["statusCode"], plain["isBase64Encoded"]) == (200, False)
    assert "Content-Encoding" not in plain["headers"]
    assert compressed["isBase64Encoded"]
    assert compressed["headers"]["Content-Encoding"] == "gzip"
    assert decompress(b64decode(compressed["body"])).decode() == plain["body"]
    assert plain["headers"]["ETag"] != compressed["headers"]["ETag"]
    assert plain["headers"]["Vary"] == compressed["headers"]["Vary"] == "Accept-Encoding, Origin"


@pytest.mark.parametrize(
    ("headers", "is_compressed"),
    [
        ({"Accept": "*/*", "Accept-Encoding": "gzip"}, True),
        ({"Accept": "*/*", "Accept-Encoding": "br, GZIP ; q=0.5"}, True),
        ({"Accept": "*/*", "Accept-Encoding": "gzip;q=0, br"}, False),
        ({"Accept": "*/*", "Accept-Encoding": "gzip;q=0.000"}, False),
        ({"Accept": "*/*", "Accept-Encoding": "xgzip, gzipped"}, False),
        ({"Accept": "*/*", "Accept-Encoding": ""}, False),
        ({"Accept": "*/*"}, False),
        # Without it the gateway would return base64 text.
        ({"Accept-Encoding": "gzip"}, False),
    ],
)
def test_gzip_is_sent_only_to_clients_that_accept_it(
    headers: dict[str, str], is_compressed: bool
) -> None:
    assert get("page.js", **headers)["isBase64Encoded"] is is_compressed


@pytest.mark.parametrize("headers", [{}, BROWSER])
def test_unchanged_asset_is_304(headers: dict[str, str]) -> None:
    entity_tag = get("swagger-ui.js", **headers)["headers"]["ETag"]

    again = get("swagger-ui.js", **headers, **{"If-None-Match": entity_tag})

    assert (again["statusCode"], again["body"]) == (304, "")


@pytest.mark.parametrize(
    "name", ["page.html", "assets.py", "../page.js", "%2e%2e", "swagger-ui.js ", "", "PAGE.JS"]
)
def test_unknown_asset_is_404(name: str) -> None:
    assert get(name)["statusCode"] == 404


@pytest.mark.parametrize("prefix", ["", "/prod", "/shop/v1", "/a%20b"])
@pytest.mark.parametrize("end", ["", "/"])
def test_page_loads_exactly_the_assets_beside_it(prefix: str, end: str) -> None:
    sent = event("GET /docs", prefix=prefix)
    sent["requestContext"]["path"] += end
    html = show_docs(sent, Context())["body"]

    loaded = re.findall(r'(?:src|href)="([^"]*)"', html)

    assert sorted(it for it in loaded if not it.startswith("data:")) == [
        f"{prefix}/docs/{name}" for name in ASSETS
    ]
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script>", html)


def test_redirect_page_loads_its_script_only() -> None:
    page = get("oauth2-redirect.html")

    assert page["headers"]["Content-Type"] == "text/html; charset=utf-8"
    assert page["headers"]["Content-Security-Policy"].split("; ") == [
        *("default-src 'none'", "script-src 'self'", "base-uri 'none'", "frame-ancestors 'none'")
    ]
    assert re.findall(r'(?:src|href)="([^"]*)"', page["body"]) == ["oauth2-redirect.js"]
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script>", page["body"])


def test_path_cannot_name_another_host() -> None:
    html = show_docs(event("GET /docs", prefix="//evil.example"), Context())["body"]

    assert 'src="/evil.example/docs/page.js"' in html
    assert '"//' not in html


def test_path_is_escaped_in_html() -> None:
    html = show_docs(event("GET /docs", prefix='/"><b>&'), Context())["body"]

    assert 'src="/%22%3E%3Cb%3E%26/docs/page.js"' in html


@pytest.mark.parametrize(
    ("prefix", "path"), [("/prod", "/prod/docs"), ("", "/docs"), ("/shop/v1", "/shop/v1/docs")]
)
def test_root_redirects_below_the_stage_or_the_base_path(prefix: str, path: str) -> None:
    with_slash = event("GET /", prefix=prefix, headers={"Host": "evil.example"})
    without = event("GET /", prefix=prefix)
    without["requestContext"]["path"] = prefix

    for sent in (with_slash, without):
        response = show_root(sent, Context())
        assert (response["statusCode"], response["headers"]["Location"]) == (307, path)
