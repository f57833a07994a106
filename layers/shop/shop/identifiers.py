"""Ids: UUIDv7 strings (RFC 9562), which sort by creation time."""

import re
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime

ID_LENGTH = 36
_LATEST = 253402300799  # seconds: the end of the year 9999, the last that datetime supports

type NewId = Callable[[], str]

UUID_PATTERN = "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_UUID = re.compile(UUID_PATTERN)


def new_id() -> str:
    return id_of(time.time_ns() // 1_000_000, secrets.randbits(74))


def id_of(milliseconds: int, random_bits: int) -> str:
    """Combine 48 bits of Unix milliseconds and 74 random bits with version and variant.

    The standard library has `uuid7` from Python 3.14 on.
    """
    value = milliseconds << 80 | 0x7 << 76 | (random_bits >> 62) << 64
    value |= 0b10 << 62 | random_bits & (1 << 62) - 1
    digits = f"{value:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def made_at(id_: str) -> datetime:
    """Return the creation time of a UUIDv7; the time of another UUID is meaningless."""
    milliseconds = int(id_.replace("-", "")[:12], 16)
    return datetime.fromtimestamp(min(milliseconds / 1000, _LATEST), UTC)


def canonical_id(text: str) -> str | None:
    """Return a UUID in lower case, which is how ids are stored, or None.

    RFC 9562, section 4: case-insensitive on input, lower case on output.
    """
    return text.lower() if _UUID.fullmatch(text) else None


def with_canonical_ids(path: str) -> str:
    """Return a path with each UUID in it in lower case."""
    return _UUID.sub(lambda found: found[0].lower(), path)


def is_id(text: str) -> bool:
    """Return whether `text` is a UUID in its canonical lower-case form."""
    return canonical_id(text) == text
