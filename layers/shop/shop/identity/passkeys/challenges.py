"""Passkey challenges: a keyed digest of expiry and nonce, so nothing is stored until they are used.

A used challenge is stored until it expires, so each counts once.
"""

import hmac
import secrets
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from shop.clock import to_epoch
from shop.identity.passkeys.encoding import to_bytes, to_text

# The time in which browsers complete a ceremony with user verification (WebAuthn 3, 15.1).
LIFETIME = timedelta(minutes=5)
_EXPIRY_BYTES, _NONCE_BYTES, _DIGEST_BYTES = 8, 16, 32
_LATEST = 253402300799  # seconds: the end of the year 9999, the last that datetime supports


class Challenge(NamedTuple):
    text: str  # base64url, as browsers put it into the client data
    id: str  # 32 hexadecimal digits of the nonce
    expires_at: datetime  # in whole seconds


def new_challenge(key: bytes, now: datetime) -> Challenge:
    return _challenge(key, to_epoch(now + LIFETIME), secrets.token_bytes(_NONCE_BYTES))


def find_challenge(key: bytes, text: str, now: datetime) -> Challenge | None:
    """Return the challenge if this deployment issued it and it has not expired."""
    try:
        raw = to_bytes(text)
    except ValueError:
        return None
    if len(raw) != _EXPIRY_BYTES + _NONCE_BYTES + _DIGEST_BYTES:
        return None
    expiry = int.from_bytes(raw[:_EXPIRY_BYTES])
    if expiry > _LATEST:
        return None
    challenge = _challenge(key, expiry, raw[_EXPIRY_BYTES:-_DIGEST_BYTES])
    if not hmac.compare_digest(challenge.text, text) or challenge.expires_at <= now:
        return None
    return challenge


def _challenge(key: bytes, expiry: int, nonce: bytes) -> Challenge:
    signed = expiry.to_bytes(_EXPIRY_BYTES) + nonce
    digest = hmac.digest(key, signed, "sha256")
    expires_at = datetime.fromtimestamp(expiry, UTC)
    return Challenge(to_text(signed + digest), nonce.hex(), expires_at)
