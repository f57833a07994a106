"""Access tokens: JWTs of the profile of RFC 9068, signed with ES256, valid for 15 minutes."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, Self

from shop.caller import Role
from shop.clock import to_epoch
from shop.config import setting
from shop.identifiers import new_id
from shop.identity.json_web_tokens import jwt
from shop.identity.keys.signing_keys import SigningKey

LIFETIME = 15 * 60  # seconds
_LEEWAY = 30  # seconds of clock skew between sandboxes
_MAX_LENGTH = 4096  # characters
_CLAIMS = ("iss", "aud", "sub", "exp", "iat", "jti", "client_id", "sid", "role", "scope")
_SCOPES = {Role.CUSTOMER: "shop", Role.ADMIN: "shop shop:admin"}
_ID = re.compile(r"[0-9a-f-]{36}")


class InvalidToken(Exception):
    """The token is invalid; the message is the reason, for logs only.

    `caller_id` is that of a valid token whose session or grant has ended.
    """

    def __init__(self, reason: str, caller_id: str | None = None) -> None:
        self.caller_id = caller_id
        super().__init__(reason)


class Issuer(NamedTuple):
    """The issuer and audience of tokens: parameters of the deployment, never the API's URL."""

    issuer: str
    audience: str
    client_id: str

    @classmethod
    def from_settings(cls) -> Self:
        return cls(setting("TOKEN_ISSUER"), setting("TOKEN_AUDIENCE"), setting("TOKEN_CLIENT_ID"))


class Claims(NamedTuple):
    user_id: str
    session_id: str


def scope_of(role: Role) -> str:
    return _SCOPES[role]


def issue(
    key: SigningKey, issuer: Issuer, user_id: str, session_id: str, role: Role, now: datetime
) -> str:
    """Return a signed token for one session of a user."""
    issued_at = to_epoch(now)
    claims = {
        "iss": issuer.issuer,
        "aud": issuer.audience,
        "sub": user_id,
        "exp": issued_at + LIFETIME,
        "iat": issued_at,
        "jti": new_id(),
        "client_id": issuer.client_id,
        "sid": session_id,
        "role": role.value,
        "scope": scope_of(role),
    }
    headers = {"typ": "at+jwt", "kid": key.kid}
    return jwt.encode(claims, key.parsed, algorithm="ES256", headers=headers)


def verify(
    token: str,
    find_key: Callable[[str], dict[str, str] | None],
    issuer: Issuer,
    now: datetime,
) -> Claims:
    """Return the claims of a token; raise `InvalidToken`.

    `find_key` returns the public JWK of a `kid`. Its exceptions are not errors of the token, and
    propagate.
    """
    claims = verified_claims(token, find_key, issuer.issuer, issuer.audience, _CLAIMS, now)
    if claims["client_id"] != issuer.client_id:
        raise InvalidToken("aud")
    user_id, session_id = claims["sub"], claims["sid"]
    if not is_id(user_id) or not is_id(session_id):
        raise InvalidToken("sub")
    return Claims(user_id, session_id)


def verified_claims(
    token: str,
    find_key: Callable[[str], dict[str, str] | None],
    issuer: str,
    audience: str,
    required: Sequence[str],
    now: datetime,
) -> dict[str, Any]:
    """Return the claims of an access token with a valid signature, issuer and time.

    Raise `InvalidToken`. `Any`: claims are untrusted JSON.
    """
    header, claims = _parts(token)
    if header.keys() - {"alg", "typ", "kid"} or header.get("alg") != "ES256":
        raise InvalidToken("header")
    if str(header.get("typ", "")).lower() not in ("at+jwt", "application/at+jwt"):
        raise InvalidToken("typ")
    kid = header.get("kid")
    if not isinstance(kid, str) or (public := find_key(kid)) is None:
        raise InvalidToken("kid")
    _check_times(claims, to_epoch(now))
    try:
        jwt.decode(
            token,
            _parsed(**public),
            algorithms=["ES256"],
            audience=audience,
            issuer=issuer,
            options={"require": list(required), "verify_exp": False, "verify_iat": False},
        )
    except jwt.PyJWTError as error:
        raise InvalidToken(type(error).__name__) from None
    if claims["aud"] != audience:
        raise InvalidToken("aud")
    return claims


def is_id(value: object) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def issuer_of(token: str) -> object:
    """Return the unverified issuer, to choose how to verify; raise `InvalidToken`."""
    _, claims = _parts(token)
    return claims.get("iss")


@lru_cache(maxsize=8)
def _parsed(**public: str) -> jwt.PyJWK:
    """Parse a public JWK, once per sandbox instead of for every token."""
    return jwt.PyJWK(public, algorithm="ES256")


def _check_times(claims: dict[str, Any], now: int) -> None:
    """Check the times, since PyJWT accepts a string as `exp`, any lifetime, and `nbf`."""
    issued_at, expires_at = claims.get("iat"), claims.get("exp")
    if type(issued_at) is not int or type(expires_at) is not int:
        raise InvalidToken("times")
    if (
        "nbf" in claims
        or expires_at - issued_at > LIFETIME
        or issued_at > now + _LEEWAY
        or expires_at <= now
    ):
        raise InvalidToken("times")


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the unverified header and claims; `Any` because they are untrusted JSON."""
    parts = token.split(".")
    if len(token) > _MAX_LENGTH or len(parts) != 3:
        raise InvalidToken("form")
    try:
        header, claims, _ = (_canonical(part) for part in parts)
        return _strict_object(header), _strict_object(claims)
    except (ValueError, RecursionError):
        raise InvalidToken("encoding") from None


def _canonical(part: str) -> bytes:
    """Decode base64url; reject non-canonical encodings of the same bytes."""
    decoded = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if urlsafe_b64encode(decoded).rstrip(b"=") != part.encode():
        raise ValueError("not canonical")
    return decoded


def _strict_object(text: bytes) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("duplicate name")
        return dict(pairs)

    # `json` detects the encoding of bytes; RFC 7519 allows only UTF-8 without byte order mark.
    value = json.loads(text.decode("utf-8"), object_pairs_hook=unique)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value
