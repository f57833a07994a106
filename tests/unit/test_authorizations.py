"""Authorizations: valid requests, the questions to the user, and the stored items."""

from copy import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shop.caller import Caller
from shop.errors import Unauthorized, ValidationFailed
from shop.identifiers import new_id
from shop.identity.accounts.models import UserStatus
from shop.identity.sessions.models import RefreshDigests, Session
from shop.oauth.authorizations.requests import AuthorizationCreate
from shop.oauth.authorizations.service import Authorization, AuthorizationService
from shop.oauth.clients.models import ClientStatus, ClientType, GrantType, OAuthClient
from shop.oauth.grants.models import CODE_LIFETIME, CONSENT_LIFETIME, FamilyState
from shop.oauth.opaque import AuthorizationCode
from tests.fakes.grant_store import PHONE, STATE, FakeGrantStore, consent_of, without
from tests.support.fixtures import ALICE, NOON
from tests.support.sample_items import oauth_client

SERVER = oauth_client()
ISSUER = "https://login.example/prod"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
END = NOON + timedelta(days=30)
SESSION = Session(
    user_id=ALICE.id,
    id=ALICE.session_id,
    generation=1,
    refresh=RefreshDigests(b"f", b"c", b"s"),
    created_at=NOON,
    last_used_at=NOON,
    idle_expires_at=END,
    absolute_expires_at=END,
    user_agent="a browser",
    ip_address="192.0.2.1",
)


class Counter:
    """An authorization service with its store, and a request that tests vary."""

    def __init__(self, client: OAuthClient = SERVER) -> None:
        self.now = NOON
        self.store = FakeGrantStore(client)
        self.store.session = SESSION
        self.service = AuthorizationService(self.store, ISSUER, lambda: self.now, new_id)
        self.body: dict[str, Any] = {
            "clientId": client.id,
            "redirectUri": client.redirect_uris[0],
            "responseType": "code",
            "scope": "openid orders:read",
            "state": "a state",
            "codeChallenge": CHALLENGE,
            "codeChallengeMethod": "S256",
        }

    def ask(self, caller: Caller = ALICE, **changes: Any) -> Authorization:
        body = {n: v for n, v in (self.body | changes).items() if v is not None}
        return self.service.create(caller, AuthorizationCreate.model_validate(body))

    def allow(self, **changes: Any) -> dict[str, str]:
        return sent_back(self.ask(consent="given", **changes))


def sent_back(authorization: Authorization) -> dict[str, str]:
    """Return the parameters of the redirect."""
    assert authorization.redirect_to is not None
    return {n: v for n, (v,) in parse_qs(urlsplit(authorization.redirect_to).query).items()}


def test_user_is_asked_before_anything_is_written() -> None:
    counter = Counter()

    asked = counter.ask()

    assert asked == Authorization(SERVER, ["openid", "orders:read"], None)
    assert counter.store.consent is None and counter.store.families == {}


def test_consent_gives_a_code() -> None:
    counter = Counter()

    answer = counter.allow(nonce="a nonce")

    assert (answer["state"], answer["iss"]) == ("a state", ISSUER)
    code = AuthorizationCode.parse(answer["code"])
    family = counter.store.families[code.family_id]
    consent = counter.store.consent
    assert consent is not None
    assert (consent.scopes, consent.ends_at) == (["openid", "orders:read"], NOON + CONSENT_LIFETIME)
    assert (family.state, family.code_digest) == (FamilyState.CODE, code.digest)
    assert (family.grant_id, family.nonce) == (consent.grant_id, "a nonce")
    assert family.code_expires_at == NOON + CODE_LIFETIME
    assert answer["code"] not in repr(counter.store.families)


def test_redirect_of_an_app_keeps_its_scheme() -> None:
    redirect = Counter(PHONE).ask(consent="given").redirect_to

    assert redirect is not None and redirect.startswith("com.example.robot:/callback?code=")


def test_refusal_is_sent_to_the_client() -> None:
    counter = Counter()

    answer = sent_back(counter.ask(consent="refused"))

    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", "a state", ISSUER)
    assert counter.store.consent is None and counter.store.families == {}


def test_absent_state_stays_absent() -> None:
    assert "state" not in Counter().allow(state=None)
    assert "state" not in Counter().allow(state="")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"responseType": None}, "invalid_request"),
        ({"responseType": ""}, "invalid_request"),
        ({"responseType": "token"}, "unsupported_response_type"),
        ({"codeChallenge": None}, "invalid_request"),
        ({"codeChallenge": CHALLENGE + "="}, "invalid_request"),
        ({"codeChallenge": "short"}, "invalid_request"),
        ({"codeChallengeMethod": None}, "invalid_request"),
        ({"codeChallengeMethod": "plain"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "offline_access"}, "invalid_scope"),
        ({"scope": "orders:read orders:write"}, "invalid_scope"),
        ({"prompt": "none"}, "login_required"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"nonce": "n" * 2001}, "invalid_request"),
    ],
)
@pytest.mark.parametrize("consent", [None, "given"])
def test_error_of_the_client_is_sent_to_it(
    changes: dict[str, Any], error: str, consent: str | None
) -> None:
    counter = Counter()

    answer = sent_back(counter.ask(consent=consent, **changes))

    assert (answer["error"], answer["iss"]) == (error, ISSUER)
    assert answer["error_description"].isascii()
    assert counter.store.families == {}


def test_client_without_the_grant_is_unauthorized() -> None:
    client = without(SERVER, GrantType.AUTHORIZATION_CODE)

    assert Counter(client).allow()["error"] == "unauthorized_client"


def test_unknown_scopes_are_ignored() -> None:
    asked = Counter().ask(scope="offline_access openid openid")

    assert asked.scopes == ["openid"]


def test_long_state_and_nonce_are_kept() -> None:
    counter = Counter()

    answer = counter.allow(state="s" * 1000, nonce="n" * 1000)

    (family,) = counter.store.families.values()
    assert answer["state"] == "s" * 1000 and family.nonce == "n" * 1000


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"clientId": new_id()}, "body.clientId"),
        ({"redirectUri": "https://evil.example/"}, "body.redirectUri"),
        ({"redirectUri": "https://robot.example/callback/"}, "body.redirectUri"),
        ({"redirectUri": ""}, "body.redirectUri"),
    ],
)
def test_unregistered_redirect_uri_gets_no_redirect(changes: dict[str, Any], field: str) -> None:
    counter = Counter()

    with pytest.raises(ValidationFailed) as raised:
        counter.ask(consent="given", responseType="token", **changes)

    (detail,) = raised.value.details
    assert (detail.field, detail.code) == (field, "not_registered")
    assert counter.store.families == {}


def test_inactive_client_is_unknown() -> None:
    counter = Counter(SERVER._replace(status=ClientStatus.INACTIVE))

    with pytest.raises(ValidationFailed):
        counter.allow()


def test_port_of_a_loopback_address_may_differ_for_public_clients_only() -> None:
    uri = "http://127.0.0.1/callback"
    public = PHONE._replace(redirect_uris=[uri])

    assert "code" in Counter(public).allow(redirectUri="http://127.0.0.1:51004/callback")
    with pytest.raises(ValidationFailed):
        Counter(public._replace(type=ClientType.CONFIDENTIAL)).allow(
            redirectUri="http://127.0.0.1:51004/callback"
        )


def test_consent_is_remembered_for_the_same_or_fewer_scopes() -> None:
    counter = Counter()
    counter.allow()

    assert "code" in sent_back(counter.ask(scope="openid"))
    assert counter.ask(scope="openid orders:read", prompt="consent").redirect_to is None
    wider = replace(SERVER, scopes=[*SERVER.scopes, "profile"])
    counter.store.client = wider
    assert counter.ask(scope="openid profile").redirect_to is None


def test_consent_of_a_public_client_is_remembered_for_https_only() -> None:
    for uri, is_asked in (("https://robot.example/cb", False), ("com.example.robot:/cb", True)):
        counter = Counter(PHONE._replace(redirect_uris=[uri]))
        counter.allow()

        assert (counter.ask().redirect_to is None) is is_asked


def test_expired_consent_is_not_remembered_and_its_families_end() -> None:
    counter = Counter()
    counter.allow()
    first = counter.store.consent
    counter.now = NOON + CONSENT_LIFETIME
    later = counter.now + timedelta(days=30)
    counter.store.session = replace(SESSION, idle_expires_at=later, absolute_expires_at=later)

    assert counter.ask().redirect_to is None
    counter.allow()

    second = counter.store.consent
    assert first is not None and second is not None
    assert first.grant_id != second.grant_id and second.version == 2
    assert len(counter.store.families) == 1


def test_consents_add_up() -> None:
    counter = Counter()
    counter.allow(scope="openid")
    counter.allow(scope="orders:read")

    consent = counter.store.consent
    assert consent is not None and consent.scopes == ["openid", "orders:read"]
    assert {tuple(it.scopes) for it in counter.store.families.values()} == {
        ("openid",),
        ("orders:read",),
    }


def test_concurrent_consents_add_up() -> None:
    counter = Counter()

    def other() -> None:
        counter.allow(scope="openid")

    counter.store.meanwhile = other
    counter.allow(scope="orders:read")

    consent = counter.store.consent
    assert consent is not None and consent.scopes == ["openid", "orders:read"]


def test_change_of_the_client_meanwhile_counts() -> None:
    counter = Counter()

    def narrow() -> None:
        counter.store.client = replace(SERVER, scopes=["openid"], version=2)

    counter.store.meanwhile = narrow

    assert counter.allow()["error"] == "invalid_scope"


def test_dead_and_oldest_families_end() -> None:
    counter = Counter()
    for _ in range(25):
        counter.allow()
    assert len(counter.store.families) == 20
    newest = max(counter.store.families)

    counter.now += CODE_LIFETIME
    counter.allow()

    assert len(counter.store.families) == 1 and newest not in counter.store.families


def test_session_ends_with_the_consent_on_request() -> None:
    counter = Counter()
    counter.ask(endSession=True)
    assert counter.store.session is not None

    counter.allow(endSession=True)

    assert counter.store.session is None


@pytest.mark.parametrize("consent", [None, "given", "refused"])
def test_ended_session_is_unauthorized(consent: str | None) -> None:
    counter = Counter()
    counter.store.state = STATE._replace(status=UserStatus.INACTIVE)

    with pytest.raises(Unauthorized):
        counter.ask(consent=consent)

    counter.store.state, counter.store.session = STATE, None
    with pytest.raises(Unauthorized):
        counter.ask(consent=consent)


def test_consent_of_the_fake_is_that_of_the_service() -> None:
    counter = Counter()
    counter.store.consent = consent_of(SERVER)

    assert "code" in sent_back(counter.ask())
