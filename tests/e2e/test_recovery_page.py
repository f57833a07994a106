"""The recovery page: served with a policy that allows its own script and no other."""

import re
from base64 import b64encode
from hashlib import sha256

import httpx2
import pytest

from shop.identity.recovery.models import Purpose
from tests.support.deployed_shop import Shop
from tests.support.recovery_tokens import KINDS


@pytest.fixture(scope="module")
def page(shop: Shop) -> httpx2.Response:
    return shop.anonymous.get("/recovery")


def policy(page: httpx2.Response) -> dict[str, str]:
    directives = page.headers["Content-Security-Policy"].split("; ")
    return {name: value for name, _, value in (it.partition(" ") for it in directives)}


def test_recovery_page_is_html_with_the_common_headers(page: httpx2.Response) -> None:
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.text.startswith("<!doctype html>")
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert "max-age" in page.headers["Strict-Transport-Security"]
    assert page.headers["X-Request-Id"]


@pytest.mark.parametrize("element", ["script", "style"])
def test_content_security_policy_has_the_hashes_of_its_content(
    page: httpx2.Response, element: str
) -> None:
    (content,) = re.findall(rf"<{element}>(.*?)</{element}>", page.text, re.DOTALL)
    digest = b64encode(sha256(content.encode()).digest()).decode()

    assert policy(page)[f"{element}-src"] == f"'sha256-{digest}'"


def test_content_security_policy_forbids_loading_framing_and_foreign_targets(
    page: httpx2.Response,
) -> None:
    allowed = policy(page)

    assert allowed.pop("script-src") and allowed.pop("style-src")
    assert allowed == {
        "default-src": "'none'",
        "img-src": "data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    # Attributes are not part of either hash.
    assert not re.search(r"\s(on\w+|style|src)=", page.text)
    assert [it[:19] for it in re.findall(r'href="([^"]*)', page.text)] == ["data:image/svg+xml,"]


def test_page_has_an_endpoint_for_every_purpose_of_links(
    page: httpx2.Response,
) -> None:
    for kind, purpose in KINDS.items():
        assert f"\n  {purpose}: {{" in page.text
        # From /stage/recovery to /stage/api, for any stage.
        assert f'path: "api/{kind}/"' in page.text
    assert set(KINDS.values()) == set(Purpose)


def test_page_is_the_same_for_any_query(shop: Shop, page: httpx2.Response) -> None:
    response = shop.anonymous.get("/recovery?reset=planted&utm_source=mail")

    assert (response.status_code, response.text) == (200, page.text)
    assert response.headers["Content-Security-Policy"] == page.headers["Content-Security-Policy"]
