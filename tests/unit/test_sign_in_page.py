"""The page of GET /oauth/authorize: its policy, and the texts of the client in it."""

import re
from base64 import b64encode
from copy import replace
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from shop.oauth.authorizations.page import PasskeyPages, SignInPage, refusal_page, sign_in_page
from shop.oauth.authorizations.rules import NoRedirect
from tests.support.sample_items import oauth_client

CLIENT = oauth_client()
WITHOUT_PASSKEYS = PasskeyPages()


class Body(HTMLParser):
    """Reads the attributes of the body, and counts the elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.attributes: dict[str, str | None] = {}
        self.passkeys: tuple[str | None, str | None] | None = None
        self.elements: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        if tag == "body":
            self.attributes = dict(attrs)
        named = dict(attrs)
        if "data-domain" in named:
            self.passkeys = named["data-domain"], named["data-origins"]


def page_of(
    name: str = CLIENT.name,
    homepage: str | None = CLIENT.homepage,
    passkeys: PasskeyPages = WITHOUT_PASSKEYS,
) -> SignInPage:
    return sign_in_page(replace(CLIENT, name=name, homepage=homepage), passkeys)


def hash_of(element: str, html: str) -> str:
    (content,) = re.findall(rf"<{element}>(.*?)</{element}>", html, re.DOTALL)
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"


def test_policy_allows_the_pages_own_script_and_style_only() -> None:
    page = page_of()

    assert dict(it.split(" ", 1) for it in page.policy.split("; ")) == {
        "default-src": "'none'",
        "script-src": hash_of("script", page.html),
        "style-src": hash_of("style", page.html),
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert not re.search(r"\sstyle=|\son\w+=|\ssrc=|\shref=", page.html)


@pytest.mark.parametrize(
    "name",
    [
        '"><script>alert(1)</script>',
        "' onload='alert(1)",
        "@HOME@ @CLIENT@ @OTHER@",
        "${client} {client} $& \\1 \\g<0>",
        "&lt;b&gt; & &amp;",
        "רובוט",
    ],
)
def test_name_is_only_text_in_an_attribute(name: str) -> None:
    page, plain = page_of(name), page_of()

    body = Body(page.html)

    assert body.attributes == {"data-client": name, "data-home": "robot.example"}
    assert body.elements == Body(plain.html).elements
    assert page.policy == plain.policy
    without_body = [re.sub("<body[^>]*>", "", it.html) for it in (page, plain)]
    assert without_body[0] == without_body[1]


@pytest.mark.parametrize(
    ("homepage", "host"),
    [
        (None, ""),
        ("https://www.robot.example:8443/about?x=1", "www.robot.example"),
        ("https://Robot.example", "robot.example"),
    ],
)
def test_page_shows_the_host_of_the_homepage(homepage: str | None, host: str) -> None:
    assert Body(page_of(homepage=homepage).html).attributes["data-home"] == host


@pytest.mark.parametrize(
    ("passkeys", "attributes"),
    [
        (PasskeyPages("shop.example", "https://shop.example"),) * 2,
        (PasskeyPages("", "https://shop.example"), ("", "")),
    ],
)
def test_page_has_the_domain_and_origins_of_passkeys(
    passkeys: PasskeyPages, attributes: tuple[str, str]
) -> None:
    assert Body(page_of(passkeys=passkeys).html).passkeys == attributes


def test_refusal_is_a_page_without_a_script() -> None:
    response = refusal_page(NoRedirect("client_id", "<b>Not</b> registered.")).response

    assert (response.status, response.headers["Cache-Control"]) == (400, "no-store")
    assert "Location" not in response.headers
    assert response.headers["Content-Security-Policy"] == (
        f"default-src 'none'; style-src {hash_of('style', response.body)}; frame-ancestors 'none'"
    )
    assert "&lt;b&gt;Not&lt;/b&gt; registered." in response.body
    assert "script" not in Body(response.body).elements
