"""Refresh tokens: opaque to clients, kept only as digests."""

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


@dataclass(frozen=True)
class RefreshToken:
    """base64url(user id, session id, family, secret), without padding.

    The family stays for as long as the session; each use changes the secret for its successor.
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
        """Raises ValueError for all but the one spelling that is given out."""
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if len(raw) != _SIZE or _encoded(raw) != text:
            raise ValueError("no refresh token")
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
        """What is stored of the first token of a session."""
        return RefreshDigests(self.family_digest, self.secret_digest, new_salt())

    def successor(self, salt: bytes) -> Self:
        """The same for the same salt, so that all who spend a token at once get one successor."""
        message = salt + UUID(self.session_id).bytes
        return replace(self, secret=hmac.digest(self.secret, message, "sha256"))


def new_salt() -> bytes:
    return secrets.token_bytes(_SALT_BYTES)


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()
