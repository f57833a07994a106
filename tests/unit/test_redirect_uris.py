"""Redirect URIs: which may be registered, and which a request may send."""

import pytest

from shop.oauth.redirect_uris import (
    https_violation,
    is_assured,
    matches,
    needs_public_client,
    redirect_violation,
)


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("https://app.example/callback", None),
        ("https://app.example", None),
        ("https://app.example:8443/a/b", None),
        ("https://[2001:db8::1]/callback", None),
        ("http://127.0.0.1/callback", None),
        ("http://127.0.0.1:4000/callback", None),
        ("http://[::1]:4000/callback", None),
        ("http://localhost:4000/callback", None),
        ("com.example.app:/callback", None),
        ("com.example.app://callback", None),
        ("", "redirect_uri_format"),
        ("/callback", "redirect_uri_format"),
        ("https://app.example/" + "x" * 500, "redirect_uri_format"),
        ("https://app.example/a b", "redirect_uri_format"),
        ("https://app.example/é", "redirect_uri_format"),
        ("https://app.example/\n", "redirect_uri_format"),
        ("https://app.example:port/", "redirect_uri_format"),
        ("https://app.example\\@evil.example/", "redirect_uri_format"),
        ("https://[app.example/", "redirect_uri_format"),
        ("https://app.example/#token", "redirect_uri_fragment"),
        ("https://app.example/#", "redirect_uri_fragment"),
        ("https://app.example/?next=1", "redirect_uri_query"),
        ("https://app.example/?", "redirect_uri_query"),
        ("https://*.app.example/", "redirect_uri_wildcard"),
        ("https://app.example/*", "redirect_uri_wildcard"),
        ("https://ada@app.example/", "redirect_uri_user"),
        ("https://ada:@app.example/", "redirect_uri_user"),
        ("https:///callback", "redirect_uri_scheme"),
        ("https:callback", "redirect_uri_scheme"),
        ("http://app.example/callback", "redirect_uri_scheme"),
        ("http://127.0.0.2/callback", "redirect_uri_scheme"),
        ("http://127.0.0.1.evil.example/", "redirect_uri_scheme"),
        ("myapp:/callback", "redirect_uri_scheme"),
        ("javascript:alert(1)", "redirect_uri_scheme"),
        ("data:text/html,x", "redirect_uri_scheme"),
        ("file:///etc/passwd", "redirect_uri_scheme"),
        ("urn:ietf:wg:oauth:2.0:oob", "redirect_uri_scheme"),
    ],
)
def test_uri_that_no_client_may_register_has_a_code(uri: str, code: str | None) -> None:
    error = redirect_violation(uri)

    assert (error and error[0]) == code
    assert error is None or error[1].endswith(".")


@pytest.mark.parametrize(
    ("registered", "sent", "expected"),
    [
        ("https://app.example/cb", "https://app.example/cb", True),
        ("https://app.example/cb", "https://app.example/cb/", False),
        ("https://app.example/cb", "https://APP.example/cb", False),
        ("https://app.example/cb", "https://app.example:443/cb", False),
        ("https://app.example/cb", "https://app.example/cb?x=1", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb", True),
        ("http://127.0.0.1:4000/cb", "http://127.0.0.1:51004/cb", True),
        ("http://127.0.0.1:4000/cb", "http://127.0.0.1/cb", True),
        ("http://[::1]/cb", "http://[::1]:51004/cb", True),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/other", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb#x", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb?x=1", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb?", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb#", False),
        ("http://127.0.0.1/cb", "HTTP://127.0.0.1:51004/cb", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:/cb", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004\n/cb", False),
        ("http://[::1]/cb", "http://[::1].evil.example/cb", False),
        ("http://[::1]/cb", "http://evil.example[::1]/cb", False),
        ("http://127.0.0.1/" + "c" * 483, "http://127.0.0.1:51004/" + "c" * 483, True),
        ("http://127.0.0.1", "http://127.0.0.1:51004", True),
        ("http://127.0.0.1/cb", "http://127.0.0.1:65535/cb", True),
        ("http://127.0.0.1/cb", "http://127.0.0.1:65536/cb", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:0/cb", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:080/cb", False),
        ("http://127.0.0.1/cb", "http://localhost:51004/cb", False),
        ("http://127.0.0.1/cb", "http://ada@127.0.0.1:51004/cb", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:port/cb", False),
        ("http://127.0.0.1/cb", "https://127.0.0.1/cb", False),
        ("http://localhost:4000/cb", "http://localhost:51004/cb", False),
        ("com.example.app:/cb", "com.example.app:/cb", True),
        ("com.example.app:/cb", "com.example.app:/cc", False),
    ],
)
def test_sent_uri_is_compared_as_a_whole(registered: str, sent: str, expected: bool) -> None:
    assert matches(registered, sent) is expected


@pytest.mark.parametrize(
    ("uri", "is_public"),
    [
        ("https://app.example/cb", False),
        ("http://127.0.0.1/cb", True),
        ("http://localhost:4000/cb", True),
        ("com.example.app:/cb", True),
    ],
)
def test_uri_on_the_users_machine_needs_a_public_client(uri: str, is_public: bool) -> None:
    assert needs_public_client(uri) is is_public
    assert is_assured(uri) is not is_public


@pytest.mark.parametrize(
    "uri", ["http://app.example", "app.example", "https://", "https://a b", "javascript:alert(1)"]
)
def test_homepage_must_be_https(uri: str) -> None:
    assert https_violation("https://app.example/about?x=1") is None
    assert https_violation(uri) is not None
