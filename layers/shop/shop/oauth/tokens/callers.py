"""Callers by the access tokens of OAuth clients: for a user, or for the client itself."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from shop.caller import Role
from shop.clock import Clock
from shop.identity.access_tokens import InvalidToken
from shop.identity.authorization.service import AllowedCaller
from shop.oauth.clients.models import OAuthClient
from shop.oauth.grants.models import Standing
from shop.oauth.tokens.access_tokens import AppClaims


class GrantStore(Protocol):
    def standing(self, user_id: str, client_id: str, family_id: str) -> Standing: ...

    def own(self, client_id: str, token_id: str) -> OAuthClient | None:
        """Return the client unless this token of its own is revoked."""


class LiveToken:
    """An access token with the scopes that it has now."""

    def __init__(self, claims: AppClaims, scopes: Sequence[str], role: Role) -> None:
        self.claims = claims
        self.scopes = scopes
        self.role = role


class AppCallers:
    def __init__(
        self, grants: GrantStore, verify: Callable[[str], AppClaims], clock: Clock
    ) -> None:
        self._grants = grants
        self._verify = verify
        self._clock = clock

    def find(self, token: str) -> AllowedCaller:
        """Return the caller of a live token; raise `InvalidToken`.

        The context has other keys than that of a session: earlier versions of a function, which
        know no scopes, reject it.
        """
        live = self.inspect(token)
        claims = live.claims
        context = {
            "user": claims.user_id or "",
            "client": claims.client_id,
            "family": claims.family_id or "",
            "gate_role": live.role.value,
            "scope": " ".join(live.scopes),
        }
        return AllowedCaller(claims.user_id or claims.client_id, context)

    def inspect(self, token: str) -> LiveToken:
        """Return the token with its present scopes and role; raise `InvalidToken` if it ended.

        A scope that consent or client lost since is gone from its live tokens, too.
        """
        claims = self._verify(token)
        if claims.user_id is None or claims.family_id is None:
            client = self._grants.own(claims.client_id, claims.token_id)
            began_at = datetime.fromtimestamp(claims.issued_at, UTC)
            if client is None or not client.is_active_since(began_at):
                raise InvalidToken("client", claims.client_id)
            return LiveToken(claims, _common(claims.scopes, client.scopes), Role.ADMIN)
        standing = self._grants.standing(claims.user_id, claims.client_id, claims.family_id)
        state = standing.account_state
        if state is None or not standing.is_live(self._clock()):
            raise InvalidToken("grant", claims.user_id)
        return LiveToken(claims, _common(claims.scopes, standing.scopes), state.role)


def _common(scopes: Sequence[str], allowed: Sequence[str]) -> Sequence[str]:
    return [scope for scope in scopes if scope in allowed]
