"""Refresh tokens: opaque to clients, stored as digests."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field, replace
from typing import Self
from uuid import UUID

from shop.identity.sessions.models import RefreshDigests

_ID_BYTES, _FAMILY_BYTES, _SECRET_BYTES, _SALT_BYTES = 16, 16, 32, 16
_SIZE = 2 * _ID_BYTES + _FAMILY_BYTES + _SECRET_BYTES


@dataclass(frozen=True)  # not a named tuple, which would show its secrets
class RefreshToken:
    """base64url(user id, session id, family, secret), without padding.

    The family lasts as long as the session; each use replaces the secret with its successor.
    """

    user_id: str
    session_id: str
    family: bytes = field(repr=False)
    secret: bytes = field(repr=False)

    @classmethod
    def new(cls, user_id: str, session_id: str) -> Self:
        family, secret = secrets.token_bytes(_FAMILY_BYTES), secrets.token_bytes(_SECRET_BYTES)
        return cls(user_id, session_id, family, secret)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the canonical encoding; raise ValueError for any other text."""
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if len(raw) != _SIZE or _encoded(raw) != text:
            raise ValueError("not a refresh token")
        user_id, session_id = raw[:_ID_BYTES], raw[_ID_BYTES : 2 * _ID_BYTES]
        family, secret = raw[2 * _ID_BYTES : -_SECRET_BYTES], raw[-_SECRET_BYTES:]
        return cls(str(UUID(bytes=user_id)), str(UUID(bytes=session_id)), family, secret)

    @property
    def text(self) -> str:
        ids = UUID(self.user_id).bytes + UUID(self.session_id).bytes
        return _encoded(ids + self.family + self.secret)

    @property
    def family_digest(self) -> bytes:
        return _digest(self.family)

    @property
    def secret_digest(self) -> bytes:
        return _digest(self.secret)

    def digests(self) -> RefreshDigests:
        """Return the stored part of the first token of a session."""
        return RefreshDigests(self.family_digest, self.secret_digest, new_salt())

    def successor(self, salt: bytes) -> Self:
        """Return the successor: the same for one salt, so concurrent refreshes get the same one."""
        message = salt + UUID(self.session_id).bytes
        return replace(self, secret=hmac.digest(self.secret, message, "sha256"))


def new_salt() -> bytes:
    return secrets.token_bytes(_SALT_BYTES)


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()
