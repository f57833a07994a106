"""Recovery tokens: 32 random bytes in base64url, kept only as digests."""

import hashlib
import secrets


def new_token() -> str:
    return secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """No salt and no stretching: nobody guesses 256 bits."""
    return hashlib.sha256(token.encode()).hexdigest()
