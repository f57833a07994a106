"""Text that people write: trimmed, and free of characters that lie about what is shown."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

# Unicode's bidirectional overrides can make text read as something else (CVE-2021-42574).
_BIDI_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINE_CONTROLS = frozenset("\t\n\r")


def _one_line(value: str) -> str:
    return _printable(value, allowed=frozenset())


def _lines(value: str) -> str:
    return _printable(value, allowed=_LINE_CONTROLS)


def _printable(value: str, allowed: frozenset[str]) -> str:
    for character in value:
        if character in allowed:
            continue
        category = unicodedata.category(character)
        if category in ("Cc", "Zl", "Zp") or character in _BIDI_OVERRIDES:
            raise ValueError("must not contain control characters")
    return value


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(_one_line),
    Field(examples=["Ada Lovelace"]),
]
Note = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
    AfterValidator(_lines),
    Field(examples=["Please ring twice."]),
]
