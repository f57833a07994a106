"""Passwords: bcrypt hashes, what bcrypt takes, and what is too easily guessed."""

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import normalize

from shop.config import setting
from shop.observability import logger

if TYPE_CHECKING:
    from shop.identity.accounts.models import Credential

MAX_BYTES = 72  # bcrypt reads no further; more is refused, never cut off
MIN_CHARACTERS = 8
# No text of 72 bytes in NFC is longer however it is composed. Unicode's reordering of marks takes
# quadratic time: a mebibyte of them would take minutes.
_MAX_CHARACTERS = 4 * MAX_BYTES
# bcrypt itself compares with some truncated hashes, and says no.
_HASH = re.compile(r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}")


def hash_password(password: str) -> str:
    """The bcrypt hash, at the cost BCRYPT_COST (a logarithm: 12 is 0.25 s of a full core)."""
    import bcrypt  # here, since most functions that know users never hash

    secret = _canonical(password).encode()
    return bcrypt.hashpw(secret, bcrypt.gensalt(int(setting("BCRYPT_COST")))).decode()


def verify_password(password: str, credential: "Credential | None") -> bool:
    """Whether the password is the credential's; None, an unknown email, takes as long to deny.

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
    """Whether the password has this hash; None, an unknown e-mail, takes as long to deny.

    Hashes from before passwords were normalised are of the password as it was typed, so this form
    is compared too where it is another. Raises ValueError where the stored hash is no bcrypt hash.
    """
    if password_hash is not None and _HASH.fullmatch(password_hash) is None:
        raise ValueError("Invalid hash")
    canonical = _canonical(password)
    forms = [canonical] if canonical == password else [canonical, password]
    return any(_form_matches(form, password_hash) for form in forms)


def rehashed(password: str, password_hash: str) -> str | None:
    """The hash to keep instead of one that is cheaper to guess than BCRYPT_COST, or None."""
    cost = int(password_hash.split("$")[2])
    return hash_password(password) if cost < int(setting("BCRYPT_COST")) else None


def bcrypt_takes(password: str) -> bool:
    """Expects the canonical form."""
    return len(password.encode()) <= MAX_BYTES and "\0" not in password


def password_violation(password: str, is_email: bool) -> tuple[str, str] | None:
    """What is wrong with a new password, as (code, message), or None."""
    password = _canonical(password)
    if len(password) < MIN_CHARACTERS:
        return "password_too_short", f"Must be at least {MIN_CHARACTERS} characters."
    if not bcrypt_takes(password):
        message = f"Must be at most {MAX_BYTES} bytes in UTF-8, without NUL."
        return "password_too_long", message
    if is_email:
        return "password_is_email", "Must not be the e-mail address."
    if password.casefold() in _common_passwords():
        return "password_too_common", "Must not be a commonly used password."
    return None


def _canonical(password: str) -> str:
    """NFC, since keyboards compose the same letters differently. What is too long stays so."""
    return password if len(password) > _MAX_CHARACTERS else normalize("NFC", password)


def _form_matches(form: str, password_hash: str | None) -> bool:
    import bcrypt

    secret = form.encode()
    if not bcrypt_takes(form):
        secret, password_hash = b"", None
    matches = bcrypt.checkpw(secret, (password_hash or _hash_of_nothing()).encode())
    return matches and password_hash is not None


def _hash_of_nothing() -> str:
    """Well-formed, so that bcrypt does all its work, and no password is known to have it."""
    return f"$2b${int(setting('BCRYPT_COST')):02d}$" + "." * 53


@cache
def _common_passwords() -> frozenset[str]:
    lines = Path(__file__).with_name("common_passwords.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#!"))
