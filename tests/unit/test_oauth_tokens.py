"""The token endpoint's rules: a code once, a refresh token once, and nothing for anybody else."""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from copy import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from shop.identifiers import new_id
from shop.identity.accounts.models import UserStatus
from shop.oauth.clients.models import ClientSecret, ClientStatus, GrantType, OAuthClient
from shop.oauth.errors import OAuthError
from shop.oauth.grants.models import CODE_LIFETIME, Family, FamilyState
from shop.oauth.opaque import (
    AuthorizationCode,
    digest_of,
    new_client_secret,
    parse_refresh_token,
    refresh_token_text,
)
from shop.oauth.tokens.client_authentication import ClientCredentials
from shop.oauth.tokens.service import TokenRequest, Tokens, TokenService
from tests.fakes.grant_store import PHONE, STATE, FakeGrantStore, consent_of, without
from tests.support.fixtures import ALICE, BOB, NOON
from tests.support.sample_items import oauth_client

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
URI = PHONE.redirect_uris[0]
ME = ClientCredentials(PHONE.id, None)
SECRET = new_client_secret()
ROBOT = oauth_client()._replace(
    grant_types=[GrantType.CLIENT_CREDENTIALS],
    scopes=["orders:read", "admin:orders:read", "admin:users:read"],
    secrets=[ClientSecret("1", digest_of(SECRET), NOON)],
)


class FakeSigner:
    def access_token(
        self,
        client_id: str,
        scopes: Sequence[str],
        user_id: str | None = None,
        family_id: str | None = None,
    ) -> str:
        return f"access {user_id or client_id} {family_id} {' '.join(scopes)}"

    def id_token(
        self, client_id: str, user_id: str, authenticated_at: datetime, nonce: str | None
    ) -> str:
        return f"id {user_id} {nonce}"


class Desk:
    """A token service with its store, and a clock that tests move."""

    def __init__(self, client: OAuthClient = PHONE) -> None:
        self.now = NOON
        self.store = FakeGrantStore(client)
        self.store.consent = consent_of(client)
        self.service = TokenService(self.store, self.store, FakeSigner(), lambda: self.now)

    def code(self, **changes: Any) -> AuthorizationCode:
        code = AuthorizationCode.new(ALICE.id, new_id())
        family = Family(
            user_id=ALICE.id,
            client_id=PHONE.id,
            id=code.family_id,
            grant_id="grant",
            generation=1,
            state=FamilyState.CODE,
            scopes=["openid", "orders:read"],
            code_digest=code.digest,
            code_challenge=CHALLENGE,
            redirect_uri=URI,
            nonce="a nonce",
            authenticated_at=NOON,
            code_expires_at=NOON + CODE_LIFETIME,
            created_at=NOON,
        )
        self.store.families[family.id] = replace(family, **changes)
        return code

    def exchange(self, code: AuthorizationCode, /, **changes: Any) -> Tokens:
        request = TokenRequest("authorization_code", code.text, URI, VERIFIER)
        return self.service.issue(request._replace(**changes), ME)

    def refresh(self, token: str | None, scope: str | None = None) -> Tokens:
        return self.service.issue(
            TokenRequest("refresh_token", refresh_token=token, scope=scope), ME
        )

    def live(self) -> str:
        token = self.exchange(self.code()).refresh_token
        assert token is not None
        return token


def error_of(work: Callable[[], object]) -> str:
    with pytest.raises(OAuthError) as raised:
        work()
    return raised.value.error


def test_code_is_exchanged_for_tokens() -> None:
    desk = Desk()
    code = desk.code()

    tokens = desk.exchange(code)

    assert tokens.access_token == f"access {ALICE.id} {code.family_id} openid orders:read"
    assert tokens.id_token == f"id {ALICE.id} a nonce"
    assert tokens.scopes == ["openid", "orders:read"]
    assert desk.store.families[code.family_id].state is FamilyState.LIVE


def test_redirect_uri_may_be_absent() -> None:
    desk = Desk()

    assert desk.exchange(desk.code(), redirect_uri=None).access_token


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": VERIFIER[:-1] + "x"},
        {"code_verifier": "short"},
        {"code_verifier": "é" * 43},
        {"redirect_uri": "com.example.robot:/other"},
        {"code": "shop_ac_x"},
        {"code": AuthorizationCode.new(ALICE.id, new_id()).text},
        {"code": AuthorizationCode.new(BOB.id, new_id()).text},
    ],
)
def test_invalid_use_of_a_code_changes_nothing(changes: dict[str, str]) -> None:
    desk = Desk()
    code = desk.code()
    before = dict(desk.store.families)

    assert error_of(lambda: desk.exchange(code, **changes)) == "invalid_grant"

    assert desk.store.families == before and desk.store.ended == []
    assert desk.exchange(code).access_token


def test_invalid_use_of_a_spent_code_ends_nothing() -> None:
    desk = Desk()
    code = desk.code()
    desk.exchange(code)
    before = dict(desk.store.families)

    assert error_of(lambda: desk.exchange(code, code_verifier="x" * 43)) == "invalid_grant"

    assert desk.store.families == before


def test_second_valid_use_of_a_code_ends_its_tokens() -> None:
    desk = Desk()
    code = desk.code()
    token = desk.exchange(code).refresh_token

    assert error_of(lambda: desk.exchange(code)) == "invalid_grant"

    assert desk.store.families == {}
    assert error_of(lambda: desk.refresh(token)) == "invalid_grant"


def test_concurrent_use_of_a_code_ends_its_tokens() -> None:
    desk = Desk()
    code = desk.code()

    def other() -> None:
        desk.exchange(code)

    desk.store.meanwhile = other

    assert error_of(lambda: desk.exchange(code)) == "invalid_grant"
    assert desk.store.families == {}


def test_code_of_another_client_is_unknown() -> None:
    desk = Desk()
    code = desk.code(client_id=new_id())

    assert error_of(lambda: desk.exchange(code)) == "invalid_grant"
    assert desk.store.ended == []


def disable(desk: Desk) -> None:
    desk.store.state = STATE._replace(status=UserStatus.INACTIVE)


def start_generation(desk: Desk) -> None:
    desk.store.state = STATE._replace(generation=2)


def forget(desk: Desk) -> None:
    desk.store.state = None


def withdraw(desk: Desk) -> None:
    desk.store.consent = None


def consent_again(desk: Desk) -> None:
    desk.store.consent = consent_of()._replace(grant_id="another")


def narrow_consent(desk: Desk) -> None:
    desk.store.consent = consent_of(PHONE, "account:read")


@pytest.mark.parametrize(
    "change",
    [disable, start_generation, forget, withdraw, consent_again, narrow_consent],
)
def test_nothing_is_issued_after_the_grant_ended(change: Callable[[Desk], None]) -> None:
    desk = Desk()
    code, token = desk.code(), desk.live()
    change(desk)

    assert error_of(lambda: desk.exchange(code)) == "invalid_grant"
    assert error_of(lambda: desk.refresh(token)) == "invalid_grant"


def test_inactive_client_is_not_authenticated() -> None:
    desk = Desk()
    code, token = desk.code(), desk.live()
    desk.store.client = PHONE._replace(status=ClientStatus.INACTIVE)

    assert error_of(lambda: desk.exchange(code)) == "invalid_client"
    assert error_of(lambda: desk.refresh(token)) == "invalid_client"


def test_client_that_is_active_again_has_no_earlier_tokens() -> None:
    desk = Desk()
    code, token = desk.code(), desk.live()
    desk.store.client = PHONE._replace(deactivated_at=NOON)

    assert error_of(lambda: desk.exchange(code)) == "invalid_grant"
    assert error_of(lambda: desk.refresh(token)) == "invalid_grant"


def test_code_expires_after_a_minute() -> None:
    desk = Desk()
    code = desk.code()
    desk.now = NOON + CODE_LIFETIME

    assert error_of(lambda: desk.exchange(code)) == "invalid_grant"


def test_refresh_rotates_the_token_and_keeps_the_end() -> None:
    desk = Desk()
    first = desk.live()
    (family,) = desk.store.families.values()
    desk.now = NOON + timedelta(days=1)

    tokens = desk.refresh(first)

    (after,) = desk.store.families.values()
    assert tokens.refresh_token not in (None, first)
    assert tokens.id_token == f"id {ALICE.id} None"
    assert after.absolute_expires_at == family.absolute_expires_at
    assert after.idle_expires_at == desk.now + timedelta(days=30)


def test_repeated_refresh_gets_the_same_successor_for_30_seconds() -> None:
    desk = Desk()
    first = desk.live()
    successor = desk.refresh(first).refresh_token
    desk.now += timedelta(seconds=30)

    assert desk.refresh(first).refresh_token == successor


def test_concurrent_refreshes_get_the_same_successor() -> None:
    desk = Desk()
    first = desk.live()
    seen: list[str | None] = []

    def other() -> None:
        seen.append(desk.refresh(first).refresh_token)

    desk.store.meanwhile = other

    assert [desk.refresh(first).refresh_token] == seen


def test_late_reuse_ends_the_family() -> None:
    desk = Desk()
    first = desk.live()
    successor = desk.refresh(first).refresh_token
    desk.now += timedelta(seconds=31)

    assert error_of(lambda: desk.refresh(first)) == "invalid_grant"
    assert error_of(lambda: desk.refresh(successor)) == "invalid_grant"
    assert desk.store.families == {}


def test_unknown_secret_of_the_right_family_ends_it() -> None:
    desk = Desk()
    forged = replace(parse_refresh_token(desk.live()), secret=b"s" * 32)

    assert error_of(lambda: desk.refresh(refresh_token_text(forged))) == "invalid_grant"
    assert desk.store.families == {}


@pytest.mark.parametrize(
    "changes", [{"family": b"f" * 16}, {"user_id": BOB.id}, {"session_id": new_id()}]
)
def test_forged_token_ends_nothing(changes: dict[str, Any]) -> None:
    desk = Desk()
    token = desk.live()
    forged = refresh_token_text(replace(parse_refresh_token(token), **changes))

    assert error_of(lambda: desk.refresh(forged)) == "invalid_grant"
    assert desk.store.ended == [] and desk.refresh(token).access_token


def test_refresh_token_of_a_session_is_no_clients() -> None:
    desk = Desk()
    text = parse_refresh_token(desk.live()).text

    assert error_of(lambda: desk.refresh(text)) == "invalid_grant"


def test_scope_narrows_the_access_token_only() -> None:
    desk = Desk()
    token = desk.live()

    narrowed = desk.refresh(token, scope="orders:read")

    assert narrowed.scopes == ["orders:read"] and narrowed.id_token is None
    assert desk.refresh(narrowed.refresh_token).scopes == ["openid", "orders:read"]


@pytest.mark.parametrize("scope", ["account:read", "orders:read account:read", " "])
def test_scope_beyond_the_grant_is_rejected(scope: str) -> None:
    desk = Desk()
    token = desk.live()

    assert error_of(lambda: desk.refresh(token, scope)) == "invalid_scope"
    assert desk.refresh(token).access_token


def test_unknown_scope_is_ignored() -> None:
    desk = Desk()

    assert desk.refresh(desk.live(), "openid offline_access").scopes == ["openid"]
    assert own("admin:users:read offline_access").scopes == ["admin:users:read"]
    assert error_of(lambda: desk.refresh(desk.live(), "offline_access")) == "invalid_scope"


def test_scope_ends_with_the_clients() -> None:
    desk = Desk()
    token = desk.live()
    desk.store.client = PHONE._replace(scopes=["orders:read"])

    assert desk.refresh(token).scopes == ["orders:read"]


def test_client_without_refresh_gets_an_access_token_only() -> None:
    desk = Desk(without(PHONE, GrantType.REFRESH_TOKEN))
    code = desk.code()

    tokens = desk.exchange(code)

    assert tokens.refresh_token is None
    family = desk.store.families[code.family_id]
    assert family.expires_at == NOON + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (TokenRequest(), "invalid_request"),
        (TokenRequest("password"), "unsupported_grant_type"),
        (TokenRequest("client_credentials"), "unauthorized_client"),
        (TokenRequest("authorization_code", code_verifier=VERIFIER), "invalid_request"),
        (TokenRequest("authorization_code", code="x"), "invalid_request"),
        (TokenRequest("refresh_token"), "invalid_request"),
        (TokenRequest("refresh_token", refresh_token="x"), "invalid_grant"),
    ],
)
def test_incomplete_request_is_rejected(request_: TokenRequest, error: str) -> None:
    client = without(PHONE, GrantType.CLIENT_CREDENTIALS)
    assert error_of(lambda: Desk(client).service.issue(request_, ME)) == error


def own(scope: str | None = None, client: OAuthClient = ROBOT) -> Tokens:
    request = TokenRequest("client_credentials", scope=scope)
    return Desk(client).service.issue(request, ClientCredentials(client.id, SECRET))


def test_client_itself_gets_its_admin_scopes() -> None:
    tokens = own()

    assert tokens.scopes == ["admin:orders:read", "admin:users:read"]
    assert tokens.access_token.startswith(f"access {ROBOT.id} None")
    assert (tokens.refresh_token, tokens.id_token) == (None, None)
    assert own("admin:users:read").scopes == ["admin:users:read"]


def test_client_itself_gets_no_scope_of_users() -> None:
    assert error_of(lambda: own("orders:read")) == "invalid_scope"
    users_only = ROBOT._replace(scopes=["orders:read"])
    assert error_of(lambda: own(client=users_only)) == "invalid_scope"
