"""Time-based one-time passwords of 6 digits, by HMAC-SHA-1 and steps of 30 s (RFC 6238)."""

import hmac
from base64 import b32encode
from datetime import datetime
from urllib.parse import quote, urlencode

STEP = 30  # seconds
DIGITS = 6
SECRET_BYTES = 20  # the size of SHA-1, as RFC 4226, section 4, recommends
_ISSUER = "Shop"
_LATE_AND_EARLY = (0, -1, 1)  # steps: RFC 6238, section 5.2


def code_at(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """Return the code of a step (RFC 4226, section 5.3)."""
    digest = hmac.digest(secret, step.to_bytes(8), "sha1")
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFF_FFFF
    return f"{number % 10**digits:0{digits}}"


def step_at(time: datetime) -> int:
    return int(time.timestamp()) // STEP


def matching_step(secret: bytes, code: str, time: datetime) -> int | None:
    """Return the step of a code: the present one, the one before or the one after; else None."""
    present = step_at(time)
    steps = [present + offset for offset in _LATE_AND_EARLY]
    # All are compared: the duration reveals nothing.
    found = [it for it in steps if hmac.compare_digest(code_at(secret, it), code)]
    return found[0] if found else None


def secret_text(secret: bytes) -> str:
    """Return the secret in base32, for an app without a camera."""
    return b32encode(secret).decode()


def uri_of(secret: bytes, account: str) -> str:
    """Return the URI for a QR code.

    https://github.com/google/google-authenticator/wiki/Key-Uri-Format
    """
    parameters = {
        "secret": secret_text(secret),
        "issuer": _ISSUER,
        "algorithm": "SHA1",
        "digits": DIGITS,
        "period": STEP,
    }
    return f"otpauth://totp/{_ISSUER}:{quote(account, safe='@')}?{urlencode(parameters)}"
