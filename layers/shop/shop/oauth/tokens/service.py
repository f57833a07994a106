"""The rules of the token endpoint: codes, refresh tokens and clients' own credentials."""

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from copy import replace
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Literal, NamedTuple, Protocol

from shop.clock import Clock
from shop.identity.sessions.models import ABSOLUTE_LIFETIME, IDLE_LIFETIME, RefreshDigests
from shop.identity.sessions.refresh_tokens import RefreshToken, new_salt
from shop.metrics import count
from shop.oauth.clients.models import GrantType, OAuthClient
from shop.oauth.errors import OAuthError, invalid_grant, invalid_request
from shop.oauth.grants.models import Family, FamilyState, Standing
from shop.oauth.opaque import AuthorizationCode, parse_refresh_token, refresh_token_text
from shop.oauth.scopes import SCOPES, is_for_admins
from shop.oauth.tokens.client_authentication import ClientCredentials, authenticate
from shop.observability import logger

ACCESS_LIFETIME = timedelta(minutes=15)
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
OPENID = "openid"

type Reuse = Literal["CodesReplayed", "OAuthRefreshReuse"]


class TokenRequest(NamedTuple):
    """The parameters as sent; None for an absent or empty one."""

    grant_type: str | None = None
    code: str | None = None
    redirect_uri: str | None = None
    code_verifier: str | None = None
    refresh_token: str | None = None
    scope: str | None = None


class Tokens(NamedTuple):
    access_token: str
    scopes: Sequence[str]
    refresh_token: str | None = None
    id_token: str | None = None


class ClientStore(Protocol):
    def get(self, client_id: str) -> OAuthClient | None: ...


class GrantStore(Protocol):
    def standing(self, user_id: str, client_id: str, family_id: str) -> Standing: ...

    def exchange(self, family: Family, code_digest: bytes) -> Family | None:
        """Store the exchange unless the code is spent; return the stored family, None if ended."""

    def rotate(self, family: Family, spent: bytes) -> Family | None:
        """Store a refresh if `spent` is still the current digest; return the stored family."""

    def end(self, family: Family) -> None: ...


class Signer(Protocol):
    def access_token(
        self,
        client_id: str,
        scopes: Sequence[str],
        user_id: str | None = None,
        family_id: str | None = None,
    ) -> str: ...

    def id_token(
        self, client_id: str, user_id: str, authenticated_at: datetime, nonce: str | None
    ) -> str: ...


class TokenService:
    def __init__(
        self, clients: ClientStore, grants: GrantStore, signer: Signer, clock: Clock
    ) -> None:
        self._clients = clients
        self._grants = grants
        self._signer = signer
        self._clock = clock

    def issue(self, request: TokenRequest, credentials: ClientCredentials) -> Tokens:
        """Return the tokens of a grant; raise `OAuthError`."""
        client = authenticate(self._clients.get(credentials.client_id), credentials)
        issue = self._grant(request.grant_type, client)
        return issue(request, client)

    def _grant(
        self, grant_type: str | None, client: OAuthClient
    ) -> Callable[[TokenRequest, OAuthClient], Tokens]:
        if grant_type is None:
            raise invalid_request("grant_type is missing.")
        grants = {
            GrantType.AUTHORIZATION_CODE: self._exchange,
            GrantType.REFRESH_TOKEN: self._refresh,
            GrantType.CLIENT_CREDENTIALS: self._own,
        }
        if grant_type not in grants:
            raise OAuthError("unsupported_grant_type", "This grant_type is not offered.")
        known = GrantType(grant_type)
        if known not in client.grant_types:
            raise OAuthError("unauthorized_client", "The client may not use this grant_type.")
        return grants[known]

    def _exchange(self, request: TokenRequest, client: OAuthClient) -> Tokens:
        """Exchange a code. A second valid use ends the tokens of the first (RFC 6749, 4.1.2)."""
        if request.code is None or request.code_verifier is None:
            raise invalid_request("code and code_verifier are required.")
        code = _parsed(AuthorizationCode.parse, request.code)
        standing = self._grants.standing(code.user_id, client.id, code.family_id)
        family = standing.family
        if family is None or not _is_valid_use(family, code, request):
            raise invalid_grant()
        if family.state is FamilyState.LIVE:
            raise self._reused(family, "CodesReplayed", "authorization code reused")
        now = self._clock()
        scopes = standing.scopes
        if not standing.is_authorized(now) or not scopes:
            raise invalid_grant()
        token = RefreshToken.new(family.user_id, family.id)
        live = _exchanged(family, token.digests(), client, now)
        # Signed before the exchange is stored, so that a missing key spends no code.
        tokens = self._signed(live, client, scopes, live.nonce)
        stored = self._grants.exchange(live, code.digest)
        if stored is None:
            raise invalid_grant()
        if stored is not live:
            raise self._reused(stored, "CodesReplayed", "authorization code reused")
        return tokens._replace(refresh_token=_refresh_text(client, token))

    def _refresh(self, request: TokenRequest, client: OAuthClient) -> Tokens:
        """Exchange a refresh token; again within 30 s, for the same successor."""
        if request.refresh_token is None:
            raise invalid_request("refresh_token is required.")
        token = _parsed(parse_refresh_token, request.refresh_token)
        standing = self._grants.standing(token.user_id, client.id, token.session_id)
        family, now = standing.family, self._clock()
        if family is None or not standing.is_live(now) or not _has_secret(family, token):
            raise invalid_grant()
        scopes = _narrowed(standing.scopes, request.scope)
        spent = token.secret_digest
        stored: Family | None = family
        if family.refresh is not None and family.refresh.is_current(spent):
            stored = self._grants.rotate(_rotated(family, token, now), spent)
        refresh = None if stored is None else stored.refresh
        if stored is None or refresh is None or refresh.is_current(spent):
            # The family ended, or a new session generation has begun since it was read.
            raise invalid_grant()
        if not refresh.was_just_spent(spent, now):
            raise self._reused(stored, "OAuthRefreshReuse", "refresh token of a client reused")
        successor = token.successor(refresh.salt)
        tokens = self._signed(stored, client, scopes, nonce=None)
        return tokens._replace(refresh_token=refresh_token_text(successor))

    def _own(self, request: TokenRequest, client: OAuthClient) -> Tokens:
        """Return a token for the client itself, with scopes of admins only."""
        own = [scope for scope in client.scopes if is_for_admins(scope)]
        if not own:
            raise OAuthError("invalid_scope", "The client has no scope of its own.")
        scopes = _narrowed(own, request.scope)
        return Tokens(self._signer.access_token(client.id, scopes), scopes)

    def _signed(
        self, family: Family, client: OAuthClient, scopes: Sequence[str], nonce: str | None
    ) -> Tokens:
        access_token = self._signer.access_token(client.id, scopes, family.user_id, family.id)
        if OPENID not in scopes:
            return Tokens(access_token, scopes)
        id_token = self._signer.id_token(client.id, family.user_id, family.authenticated_at, nonce)
        return Tokens(access_token, scopes, id_token=id_token)

    def _reused(self, family: Family, metric: Reuse, message: str) -> OAuthError:
        """End the family of a code or token that was used before, and return the error."""
        self._grants.end(family)
        count(metric)
        logger().warning(message, user_id=family.user_id, client_id=family.client_id)
        return invalid_grant()


def _parsed[Parsed](parse: Callable[[str], Parsed], text: str) -> Parsed:
    try:
        return parse(text)
    except ValueError:
        raise invalid_grant() from None


def _is_valid_use(family: Family, code: AuthorizationCode, request: TokenRequest) -> bool:
    """Return whether code, verifier and redirect URI are those of the authorization."""
    verifier = request.code_verifier or ""
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return (
        compare_digest(family.code_digest, code.digest)
        and _VERIFIER.fullmatch(verifier) is not None
        and compare_digest(family.code_challenge, challenge)
        and request.redirect_uri in (None, family.redirect_uri)
    )


def _has_secret(family: Family, token: RefreshToken) -> bool:
    """Return whether the token is of this family; others know its id at most."""
    refresh = family.refresh
    return refresh is not None and compare_digest(refresh.family, token.family_digest)


def _exchanged(
    family: Family, digests: RefreshDigests, client: OAuthClient, now: datetime
) -> Family:
    """Return the live family; without refresh tokens it ends with its access token."""
    may_refresh = GrantType.REFRESH_TOKEN in client.grant_types
    return replace(
        family,
        state=FamilyState.LIVE,
        refresh=digests,
        last_used_at=now,
        idle_expires_at=now + (IDLE_LIFETIME if may_refresh else ACCESS_LIFETIME),
        absolute_expires_at=now + (ABSOLUTE_LIFETIME if may_refresh else ACCESS_LIFETIME),
    )


def _refresh_text(client: OAuthClient, token: RefreshToken) -> str | None:
    return refresh_token_text(token) if GrantType.REFRESH_TOKEN in client.grant_types else None


def _rotated(family: Family, token: RefreshToken, now: datetime) -> Family:
    salt = new_salt()
    assert family.refresh is not None
    digests = replace(
        family.refresh,
        current=token.successor(salt).secret_digest,
        salt=salt,
        previous=family.refresh.current,
        rotated_at=now,
    )
    return replace(family, refresh=digests, last_used_at=now, idle_expires_at=now + IDLE_LIFETIME)


def _narrowed(allowed: Sequence[str], wanted: str | None) -> Sequence[str]:
    """Return the wanted scopes, or all without any; ignore unknown ones. Raise `OAuthError`."""
    if not allowed:
        raise invalid_grant()
    if wanted is None:
        return allowed
    scopes = [it for it in dict.fromkeys(wanted.split()) if it in SCOPES]
    if not {*scopes} <= {*allowed} or not scopes:
        raise OAuthError("invalid_scope", "The grant does not include this scope.")
    return scopes
