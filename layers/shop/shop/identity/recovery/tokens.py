"""Recovery tokens: 32 random bytes in base64url, stored as digests."""

import hashlib
import secrets


def new_token() -> str:
    return secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """Return the digest, without salt or stretching: 256 random bits cannot be guessed."""
    return hashlib.sha256(token.encode()).hexdigest()
