"""The page behind links in mails: served with a policy that lets in its own script and no other."""

import re
from base64 import b64encode
from hashlib import sha256

import httpx
import pytest

from shop.identity.recovery.models import Purpose
from tests.support.deployed_shop import Shop
from tests.support.recovery_tokens import KINDS


@pytest.fixture(scope="module")
def page(shop: Shop) -> httpx.Response:
    return shop.anonymous.get("/recovery")


def policy(page: httpx.Response) -> dict[str, str]:
    directives = page.headers["Content-Security-Policy"].split("; ")
    return {name: value for name, _, value in (it.partition(" ") for it in directives)}


def test_it_is_html_with_the_headers_that_all_answers_have(page: httpx.Response) -> None:
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.text.startswith("<!doctype html>")
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert "max-age" in page.headers["Strict-Transport-Security"]
    assert page.headers["X-Request-Id"]


@pytest.mark.parametrize("element", ["script", "style"])
def test_its_policy_names_exactly_what_stands_in_it(page: httpx.Response, element: str) -> None:
    (content,) = re.findall(rf"<{element}>(.*?)</{element}>", page.text, re.DOTALL)
    digest = b64encode(sha256(content.encode()).digest()).decode()

    assert policy(page)[f"{element}-src"] == f"'sha256-{digest}'"


def test_nothing_else_is_loaded_framed_or_sent_elsewhere(page: httpx.Response) -> None:
    allowed = policy(page)

    assert allowed.pop("script-src") and allowed.pop("style-src")
    assert allowed == {
        "default-src": "'none'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    # Attributes are no part of either hash.
    assert not re.search(r"\s(on\w+|style|src|href)=", page.text)


def test_it_knows_every_purpose_that_links_have_and_where_to_send_its_token(
    page: httpx.Response,
) -> None:
    for kind, purpose in KINDS.items():
        assert f"\n  {purpose}: {{" in page.text
        # From /stage/recovery to /stage/api, wherever the stage is.
        assert f'path: "api/{kind}/"' in page.text
    assert set(KINDS.values()) == set(Purpose)


def test_page_is_the_same_whatever_is_in_the_query(shop: Shop, page: httpx.Response) -> None:
    answer = shop.anonymous.get("/recovery?reset=planted&utm_source=mail")

    assert (answer.status_code, answer.text) == (200, page.text)
    assert answer.headers["Content-Security-Policy"] == page.headers["Content-Security-Policy"]
