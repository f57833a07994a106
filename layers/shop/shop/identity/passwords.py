"""Passwords: bcrypt hashes, and the rules for new passwords."""

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import normalize

from shop.config import setting
from shop.observability import logger

if TYPE_CHECKING:
    from shop.identity.accounts.models import Credential

MAX_BYTES = 72  # the limit of bcrypt; longer passwords are rejected, never truncated
MIN_CHARACTERS = 8
# An upper bound of any decomposition of 72 bytes in NFC. Unicode's reordering of combining marks
# takes quadratic time: minutes for a mebibyte of them.
_MAX_CHARACTERS = 4 * MAX_BYTES
# bcrypt accepts some truncated hashes, and returns False for them.
_HASH = re.compile(r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}")


def hash_password(password: str) -> str:
    """Return the bcrypt hash with BCRYPT_COST (a logarithm: 12 takes 0.25 s of a full core)."""
    import bcrypt  # here, since most functions that import users never hash

    secret = _canonical(password).encode()
    return bcrypt.hashpw(secret, bcrypt.gensalt(int(setting("BCRYPT_COST")))).decode()


def verify_password(password: str, credential: "Credential | None") -> bool:
    """Return whether the password matches; for None, an unknown email, in the same time.

    A malformed stored hash matches no password, and its log line triggers an alarm.
    """
    if credential is None:
        return password_matches(password, None)
    try:
        return password_matches(password, credential.password_hash)
    except ValueError:
        logger().error("malformed password hash", user_id=credential.user_id)
        return password_matches(password, None)


def password_matches(password: str, password_hash: str | None) -> bool:
    """Return whether the password has this hash; for None, an unknown email, in the same time.

    Old hashes are of the password as typed, not of its canonical form, so both forms are compared.
    Raise ValueError if the stored hash is not a bcrypt hash.
    """
    if password_hash is not None and _HASH.fullmatch(password_hash) is None:
        raise ValueError("Invalid hash")
    canonical = _canonical(password)
    forms = [canonical] if canonical == password else [canonical, password]
    return any(_form_matches(form, password_hash) for form in forms)


def rehashed(password: str, password_hash: str) -> str | None:
    """Return a hash with BCRYPT_COST if the stored one has a lower cost, else None."""
    cost = int(password_hash.split("$")[2])
    return hash_password(password) if cost < int(setting("BCRYPT_COST")) else None


def bcrypt_takes(password: str) -> bool:
    """Return whether bcrypt accepts a password in canonical form."""
    return len(password.encode()) <= MAX_BYTES and "\0" not in password


def password_rules() -> tuple[str, ...]:
    """Return the rules of `password_violation` for people, before their first try."""
    return (
        f"At least {MIN_CHARACTERS} characters, and at most {MAX_BYTES} bytes",
        "Not your email address",
        "Not a commonly used password",
    )


def password_violation(password: str, is_email: bool) -> tuple[str, str] | None:
    """Return the code and message of the rule that a new password violates, or None."""
    password = _canonical(password)
    if len(password) < MIN_CHARACTERS:
        return "password_too_short", f"Must be at least {MIN_CHARACTERS} characters."
    if not bcrypt_takes(password):
        message = f"Must be at most {MAX_BYTES} bytes in UTF-8, without NUL."
        return "password_too_long", message
    if is_email:
        return "password_is_email", "Must not be the email address."
    if password.casefold() in _common_passwords():
        return "password_too_common", "Must not be a commonly used password."
    return None


def _canonical(password: str) -> str:
    """Return NFC, since keyboards compose letters differently. Long texts stay as they are."""
    return password if len(password) > _MAX_CHARACTERS else normalize("NFC", password)


def _form_matches(form: str, password_hash: str | None) -> bool:
    import bcrypt

    secret = form.encode()
    if not bcrypt_takes(form):
        secret, password_hash = b"", None
    matches = bcrypt.checkpw(secret, (password_hash or _hash_of_nothing()).encode())
    return matches and password_hash is not None


def _hash_of_nothing() -> str:
    """Return a valid hash of no known password, so that bcrypt takes the usual time."""
    return f"$2b${int(setting('BCRYPT_COST')):02d}$" + "." * 53


@cache
def _common_passwords() -> frozenset[str]:
    lines = Path(__file__).with_name("common_passwords.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#!"))
