"""Recovery codes: each stands for one code of the app, and is stored as a keyed digest."""

import hmac
import secrets

COUNT = 10
LENGTH = 10  # characters of 5 bits: 50 bits, at five guesses in 15 minutes
_ALPHABET = "23456789abcdefghijkmnpqrstuvwxyz"  # without 0, 1, l and o
_DIGEST_BYTES = 16


def new_codes() -> list[str]:
    """Return codes in canonical form."""
    return ["".join(secrets.choice(_ALPHABET) for _ in range(LENGTH)) for _ in range(COUNT)]


def shown(code: str) -> str:
    """Return a code in two groups, which are easier to copy."""
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"


def digest_of(key: bytes, code: str) -> str:
    """Return a digest that without the key fits to any code."""
    return hmac.digest(key, code.encode(), "sha256")[:_DIGEST_BYTES].hex()
