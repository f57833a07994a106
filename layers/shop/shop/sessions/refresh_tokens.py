"""Refresh tokens: opaque to clients, kept only as digests."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from uuid import UUID

from shop.sessions.models import RefreshDigests

_FAMILY_BYTES, _SECRET_BYTES, _SALT_BYTES = 16, 32, 16


def new_refresh_token(user_id: str, session_id: str) -> tuple[str, RefreshDigests]:
    """A token base64url(user id, session id, family, secret), and what to store of it."""
    family = secrets.token_bytes(_FAMILY_BYTES)
    secret = secrets.token_bytes(_SECRET_BYTES)
    raw = UUID(user_id).bytes + UUID(session_id).bytes + family + secret
    token = urlsafe_b64encode(raw).rstrip(b"=").decode()
    return token, RefreshDigests(_digest(family), _digest(secret), secrets.token_bytes(_SALT_BYTES))


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()
