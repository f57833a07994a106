"""Revocation (RFC 7009) and introspection (RFC 7662) of clients' tokens."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hmac import compare_digest
from typing import NamedTuple, Protocol

from shop.clock import Clock, to_epoch
from shop.identity.access_tokens import InvalidToken
from shop.identity.sessions.refresh_tokens import RefreshToken
from shop.oauth.clients.models import OAuthClient
from shop.oauth.errors import invalid_client, invalid_request
from shop.oauth.grants.models import Consent, Family, Standing
from shop.oauth.opaque import parse_refresh_token
from shop.oauth.tokens.access_tokens import AppClaims, AppTokenIssuer
from shop.oauth.tokens.callers import LiveToken
from shop.oauth.tokens.client_authentication import ClientCredentials, authenticate

_INTROSPECT = "admin:tokens:introspect"


class Inspection(NamedTuple):
    """The members of RFC 7662; None for those that the kind of token lacks."""

    scope: str | None = None
    client_id: str | None = None
    sub: str | None = None
    iss: str | None = None
    aud: str | None = None
    exp: int | None = None
    iat: int | None = None
    jti: str | None = None
    token_type: str | None = None


class ClientStore(Protocol):
    def get(self, client_id: str) -> OAuthClient | None: ...


class GrantStore(Protocol):
    def standing(self, user_id: str, client_id: str, family_id: str) -> Standing: ...

    def of_user(self, user_id: str) -> tuple[Sequence[Consent], Sequence[Family]]: ...

    def end(self, family: Family) -> None: ...

    def revoke_own(self, client_id: str, token_id: str, expires_at: datetime) -> None: ...


class InspectionService:
    """`verify` returns the claims of an access token, `live` those of one that is not revoked."""

    def __init__(
        self,
        clients: ClientStore,
        grants: GrantStore,
        verify: Callable[[str], AppClaims],
        live: Callable[[str], LiveToken],
        issuer: AppTokenIssuer,
        clock: Clock,
    ) -> None:
        self._clients = clients
        self._grants = grants
        self._verify = verify
        self._live = live
        self._issuer = issuer
        self._clock = clock

    def revoke(self, token: str | None, credentials: ClientCredentials) -> None:
        """End the family of a refresh or access token, or a client's own access token.

        Ignore unknown tokens, and those of other clients. Raise `OAuthError`.
        """
        client = self._authenticated(credentials)
        if token is None:
            raise invalid_request("token is missing.")
        refresh = _parsed(token)
        if refresh is not None:
            self._end(client, refresh.user_id, refresh.session_id, refresh)
            return
        try:
            claims = self._verify(token)
        except InvalidToken:
            return
        if claims.client_id != client.id:
            return
        if claims.user_id is not None and claims.family_id is not None:
            self._end(client, claims.user_id, claims.family_id, None)
            return
        expires_at = datetime.fromtimestamp(claims.expires_at, UTC)
        self._grants.revoke_own(client.id, claims.token_id, expires_at)

    def inspect(self, token: str | None, credentials: ClientCredentials) -> Inspection | None:
        """Return the members of a live token that the client may see, else None.

        Raise `OAuthError`. Public clients inspect nothing, since anybody may be one.
        """
        client = self._authenticated(credentials)
        if client.is_public:
            raise invalid_client()
        if token is None:
            raise invalid_request("token is missing.")
        refresh = _parsed(token)
        sees_all = _INTROSPECT in client.scopes
        if refresh is not None:
            owner = self._client_of(refresh) if sees_all else client.id
            return None if owner is None else self._refresh(refresh, owner)
        found = self._access(token)
        return found if found and (sees_all or found.client_id == client.id) else None

    def _authenticated(self, credentials: ClientCredentials) -> OAuthClient:
        return authenticate(self._clients.get(credentials.client_id), credentials)

    def _end(
        self, client: OAuthClient, user_id: str, family_id: str, token: RefreshToken | None
    ) -> None:
        """End a family; of a refresh token only with the family's secret, of any age."""
        family = self._grants.standing(user_id, client.id, family_id).family
        if family is None or family.refresh is None:
            return
        if token is None or compare_digest(family.refresh.family, token.family_digest):
            self._grants.end(family)

    def _access(self, token: str) -> Inspection | None:
        try:
            live = self._live(token)
        except InvalidToken:
            return None
        if not live.scopes:
            return None  # it can no longer be used
        claims = live.claims
        return Inspection(
            scope=" ".join(live.scopes),
            client_id=claims.client_id,
            sub=claims.user_id or claims.client_id,
            iss=self._issuer.issuer,
            aud=self._issuer.audience,
            exp=claims.expires_at,
            iat=claims.issued_at,
            jti=claims.token_id,
            token_type="Bearer",
        )

    def _client_of(self, token: RefreshToken) -> str | None:
        _, families = self._grants.of_user(token.user_id)
        return next((it.client_id for it in families if it.id == token.session_id), None)

    def _refresh(self, token: RefreshToken, client_id: str) -> Inspection | None:
        standing = self._grants.standing(token.user_id, client_id, token.session_id)
        family = standing.family
        if family is None or family.refresh is None or not standing.is_live(self._clock()):
            return None
        if not standing.scopes:
            return None  # it can no longer be used
        is_current = family.refresh.is_current(token.secret_digest)
        if not is_current or not compare_digest(family.refresh.family, token.family_digest):
            return None
        return Inspection(
            scope=" ".join(standing.scopes),
            client_id=client_id,
            sub=family.user_id,
            iss=self._issuer.issuer,
            exp=to_epoch(family.expires_at),
        )


def _parsed(token: str) -> RefreshToken | None:
    try:
        return parse_refresh_token(token)
    except ValueError:
        return None
