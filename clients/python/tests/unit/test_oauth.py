"""Sign-in with PKCE: start, callback, loopback and revocation."""

import base64
import hashlib
import http.client
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx2
import pytest
from scripted import LOST, Fake, logged_in, reply

from shop_client import AuthorizationCode, InMemory, NoAnswer, ShopError, SignIn, Tokens

ISSUER = "http://shop.test/stage"
METADATA = {
    **{
        name: []
        for name in (
            *("scopes_supported", "response_types_supported", "response_modes_supported"),
            *("grant_types_supported", "token_endpoint_auth_methods_supported"),
            "revocation_endpoint_auth_methods_supported",
            "introspection_endpoint_auth_methods_supported",
            *("code_challenge_methods_supported", "subject_types_supported"),
            *("id_token_signing_alg_values_supported", "claims_supported"),
        )
    },
    **{
        f"{name}_endpoint": f"{ISSUER}/oauth/{name}"
        for name in ("authorization", "token", "revocation", "introspection", "userinfo")
    },
    "issuer": ISSUER,
    "jwks_uri": f"{ISSUER}/jwks",
    "authorization_response_iss_parameter_supported": True,
    "claims_parameter_supported": False,
    "request_parameter_supported": False,
    "request_uri_parameter_supported": False,
}
TOKEN = {
    "access_token": "access-new",
    "refresh_token": "refresh-new",
    "token_type": "Bearer",
    "expires_in": 900,
    "scope": "orders:read",
}
REDIRECT_URI = "https://app.example/callback"


def started(fake: Fake) -> SignIn:
    found = fake.run(
        lambda shop: shop.oauth.start(redirect_uri=REDIRECT_URI, scope="openid orders:read")
    )
    assert isinstance(found, SignIn)
    return found


def callback(sign_in: SignIn, **changes: str | None) -> str:
    answer = {"code": "c1", "state": sign_in.state, "iss": sign_in.issuer, **changes}
    query = {name: value for name, value in answer.items() if value is not None}
    return f"{REDIRECT_URI}?{urlencode(query)}"


def test_sign_in_saves_the_tokens(fake: Fake) -> None:
    storage = InMemory()
    source = AuthorizationCode("id")
    fake.script(reply(METADATA), reply(TOKEN), tokens=storage, token_source=source)

    sign_in = started(fake)
    fake.run(lambda shop: shop.oauth.finish(sign_in, callback(sign_in)))

    asked = dict(parse_qsl(urlsplit(sign_in.url).query))
    sent = dict(parse_qsl(fake.requests[1].content.decode()))
    digest = hashlib.sha256(sent["code_verifier"].encode()).digest()
    assert asked["code_challenge"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert (asked["client_id"], asked["scope"]) == ("id", "openid orders:read")
    assert (sent["code"], sent["redirect_uri"], sent["client_id"]) == ("c1", REDIRECT_URI, "id")
    assert storage.load() == Tokens("access-new", "refresh-new")
    assert sign_in.code_verifier not in repr(sign_in)


def test_sign_ins_differ(fake: Fake) -> None:
    fake.script(reply(METADATA), reply(METADATA), token_source=AuthorizationCode("id"))

    first, second = started(fake), started(fake)

    assert {first.state, first.code_verifier}.isdisjoint({second.state, second.code_verifier})


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "other"},
        {"state": None},
        {"iss": "http://evil.test"},
        {"iss": None},
        {"code": None},
    ],
    ids=["state", "no state", "issuer", "no issuer", "no code"],
)
def test_callback_of_another_sign_in_or_server_is_no_answer(
    fake: Fake, changes: dict[str, Any]
) -> None:
    fake.script(reply(METADATA), token_source=AuthorizationCode("id"))
    sign_in = started(fake)

    with pytest.raises(NoAnswer):
        fake.run(lambda shop: shop.oauth.finish(sign_in, callback(sign_in, **changes)))


def test_refused_consent_is_a_shop_error(fake: Fake) -> None:
    fake.script(reply(METADATA), token_source=AuthorizationCode("id"))
    sign_in = started(fake)

    with pytest.raises(ShopError) as raised:
        refused = callback(sign_in, code=None, error="access_denied", error_description="Refused.")
        fake.run(lambda shop: shop.oauth.finish(sign_in, refused))

    assert (raised.value.code, raised.value.may_be_done) == ("access_denied", False)


def test_lost_exchange_of_a_code_is_not_retried(fake: Fake) -> None:
    fake.script(reply(METADATA), LOST, token_source=AuthorizationCode("id"))
    sign_in = started(fake)

    with pytest.raises(NoAnswer):
        fake.run(lambda shop: shop.oauth.finish(sign_in, callback(sign_in)))


def test_program_receives_its_callback(fake: Fake) -> None:
    storage = InMemory()
    fake.script(reply(METADATA), reply(TOKEN), tokens=storage, token_source=AuthorizationCode("id"))
    pages: list[Any] = []

    def browse(url: str) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        target = asked["redirect_uri"]
        assert target.startswith("http://127.0.0.1:") and target.endswith("/callback")
        strange = [
            f"{target}?code=c2&state=guessed&iss={ISSUER}",
            target,
            target.replace("callback", "x"),
        ]
        for found in strange:
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(found)
        query = urlencode({"code": "c1", "state": asked["state"], "iss": ISSUER})
        with urllib.request.urlopen(f"{target}?{query}") as page:
            pages.append(page.read())

    browser: list[Thread] = []

    def open_browser(url: str) -> None:
        browser.append(Thread(target=browse, args=(url,)))
        browser[0].start()

    fake.run(lambda shop: shop.oauth.sign_in(scope="orders:read", open_browser=open_browser))
    browser[0].join()

    assert b"You can close this window." in pages[0]
    assert b"code=c1" in fake.requests[1].content
    assert storage.load() == Tokens("access-new", "refresh-new")


def test_callback_of_a_browser_that_left_is_received(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    storage = InMemory()
    fake.script(reply(METADATA), reply(TOKEN), tokens=storage, token_source=AuthorizationCode("id"))

    def leave(handler: BaseHTTPRequestHandler) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(BaseHTTPRequestHandler, "end_headers", leave)

    def browse(url: str) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        query = urlencode({"code": "c1", "state": asked["state"], "iss": ISSUER})
        with pytest.raises(http.client.RemoteDisconnected):
            urllib.request.urlopen(f"{asked['redirect_uri']}?{query}")

    fake.run(lambda shop: shop.oauth.sign_in(scope="orders:read", open_browser=browse, timeout=60))

    assert storage.load() == Tokens("access-new", "refresh-new")
    assert capsys.readouterr().err == ""


def test_sign_in_without_a_callback_is_no_answer(fake: Fake) -> None:
    fake.script(reply(METADATA), token_source=AuthorizationCode("id"))

    with pytest.raises(NoAnswer, match="No sign-in within"):
        fake.run(lambda shop: shop.oauth.sign_in(scope="x", open_browser=lambda _: None, timeout=0))


def test_sign_in_without_a_browser_raises(fake: Fake) -> None:
    fake.script(reply(METADATA), token_source=AuthorizationCode("id"))

    with pytest.raises(RuntimeError, match="open_browser=print"):
        fake.run(lambda shop: shop.oauth.sign_in(scope="x", open_browser=lambda _: False))


def test_sign_out_revokes_the_tokens(fake: Fake) -> None:
    storage = logged_in()
    source = AuthorizationCode("id", "secret")
    fake.script(LOST, httpx2.Response(200), tokens=storage, token_source=source)

    fake.run(lambda shop: shop.oauth.sign_out())

    assert fake.calls == ["POST /oauth/revoke"] * 2
    assert fake.requests[0].content == b"token=refresh-old"
    assert fake.requests[0].headers["Authorization"].startswith("Basic ")
    assert storage.load() is None


def test_sign_in_needs_an_application(fake: Fake) -> None:
    fake.script(tokens=logged_in())

    with pytest.raises(TypeError, match="AuthorizationCode"):
        fake.run(lambda shop: shop.oauth.sign_out())
