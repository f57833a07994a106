"""Opaque values for clients: client secrets, authorization codes and refresh tokens.

Each has a prefix, by which scanners find leaked ones, and none parses as another. Only SHA-256
digests are stored: 32 random bytes need no slow hash and no rate limit.
"""

import hashlib
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Self
from uuid import UUID

from shop.identity.sessions.refresh_tokens import RefreshToken

_SECRET_PREFIX, _CODE_PREFIX, _REFRESH_PREFIX = "shop_cs_", "shop_ac_", "shop_rt_"
_ID_BYTES, _SECRET_BYTES = 16, 32


def new_client_secret() -> str:
    return _SECRET_PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def digest_of(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


class AuthorizationCode:
    """The prefix and base64url(user id, family id, secret), without padding."""

    def __init__(self, user_id: str, family_id: str, secret: bytes) -> None:
        self.user_id = user_id
        self.family_id = family_id
        self._secret = secret

    @classmethod
    def new(cls, user_id: str, family_id: str) -> Self:
        return cls(user_id, family_id, secrets.token_bytes(_SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the canonical encoding; raise ValueError for any other text."""
        encoded = text.removeprefix(_CODE_PREFIX)
        raw = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        if len(raw) != 2 * _ID_BYTES + _SECRET_BYTES:
            raise ValueError("not an authorization code")
        user_id, family_id = raw[:_ID_BYTES], raw[_ID_BYTES : 2 * _ID_BYTES]
        code = cls(str(UUID(bytes=user_id)), str(UUID(bytes=family_id)), raw[2 * _ID_BYTES :])
        if code.text != text:
            raise ValueError("not canonical")
        return code

    @property
    def text(self) -> str:
        raw = UUID(self.user_id).bytes + UUID(self.family_id).bytes + self._secret
        return _CODE_PREFIX + urlsafe_b64encode(raw).rstrip(b"=").decode()

    @property
    def digest(self) -> bytes:
        return digest_of(self.text)


def refresh_token_text(token: RefreshToken) -> str:
    """Return the text of a client's refresh token: that of a session with a prefix."""
    return _REFRESH_PREFIX + token.text


def parse_refresh_token(text: str) -> RefreshToken:
    """Parse it; its session is the token family. Raise ValueError for any other text."""
    if not text.startswith(_REFRESH_PREFIX):
        raise ValueError("not a refresh token of a client")
    return RefreshToken.parse(text.removeprefix(_REFRESH_PREFIX))
