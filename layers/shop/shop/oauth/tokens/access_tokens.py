"""Access tokens and ID tokens of OAuth clients: JWTs of RFC 9068 and OpenID Connect.

The issuer differs from that of sessions, so neither kind of access token passes for the other.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from shop.clock import to_epoch
from shop.identifiers import new_id
from shop.identity.access_tokens import LIFETIME, InvalidToken, is_id, verified_claims
from shop.identity.json_web_tokens import jwt
from shop.identity.keys.signing_keys import SigningKey

_CLAIMS = ("iss", "aud", "sub", "exp", "iat", "jti", "client_id", "scope")


class AppClaims(NamedTuple):
    """The claims of an access token; a client's own has no user and no family."""

    client_id: str
    user_id: str | None
    family_id: str | None
    scopes: Sequence[str]
    token_id: str
    issued_at: int  # epoch seconds
    expires_at: int


class AppTokenIssuer(NamedTuple):
    """The issuer's URL, and the audience, which is that of sessions' tokens."""

    issuer: str
    audience: str


def issue_access_token(
    key: SigningKey,
    issuer: AppTokenIssuer,
    client_id: str,
    scopes: Sequence[str],
    now: datetime,
    user_id: str | None = None,
    family_id: str | None = None,
) -> str:
    """Return a signed access token; for a client itself without user and family."""
    issued_at = to_epoch(now)
    claims = {
        "iss": issuer.issuer,
        "aud": issuer.audience,
        "sub": user_id or client_id,
        "exp": issued_at + LIFETIME,
        "iat": issued_at,
        "jti": new_id(),
        "client_id": client_id,
        "scope": " ".join(scopes),
        **({} if family_id is None else {"sid": family_id}),
    }
    headers = {"typ": "at+jwt", "kid": key.kid}
    return jwt.encode(claims, key.parsed, algorithm="ES256", headers=headers)


def issue_id_token(
    key: SigningKey,
    issuer: AppTokenIssuer,
    client_id: str,
    user_id: str,
    authenticated_at: datetime,
    nonce: str | None,
    now: datetime,
) -> str:
    """Return a signed ID token (OpenID Connect Core, 2)."""
    issued_at = to_epoch(now)
    claims = {
        "iss": issuer.issuer,
        "aud": client_id,
        "sub": user_id,
        "iat": issued_at,
        "exp": issued_at + LIFETIME,
        "auth_time": to_epoch(authenticated_at),
        **({} if nonce is None else {"nonce": nonce}),
    }
    return jwt.encode(claims, key.parsed, algorithm="ES256", headers={"kid": key.kid})


def verify(
    token: str,
    find_key: Callable[[str], dict[str, str] | None],
    issuer: AppTokenIssuer,
    now: datetime,
) -> AppClaims:
    """Return the claims of a client's access token; raise `InvalidToken`."""
    claims = verified_claims(token, find_key, issuer.issuer, issuer.audience, _CLAIMS, now)
    client_id, subject, family_id = claims["client_id"], claims["sub"], claims.get("sid")
    if not is_id(client_id) or not is_id(subject) or "role" in claims:
        raise InvalidToken("sub")
    is_own = subject == client_id
    if is_own is not (family_id is None) or not (is_own or is_id(family_id)):
        raise InvalidToken("sid")
    scope, token_id = claims["scope"], claims["jti"]
    if not isinstance(scope, str) or not is_id(token_id):
        raise InvalidToken("scope")
    return AppClaims(
        client_id=client_id,
        user_id=None if is_own else subject,
        family_id=family_id,
        scopes=scope.split(),
        token_id=token_id,
        issued_at=claims["iat"],
        expires_at=claims["exp"],
    )
