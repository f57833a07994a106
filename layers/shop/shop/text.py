"""User-provided text: trimmed, without control characters and deceptive formatting."""

import unicodedata
from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator, StringConstraints, WithJsonSchema, WrapValidator
from pydantic_core import PydanticKnownError

from shop.violations import violation

# Unicode's bidirectional controls can make text display as other text (CVE-2021-42574).
_BIDI_PAIRS = dict.fromkeys("\u202a\u202b\u202d\u202e", "\u202c") | dict.fromkeys(
    "\u2066\u2067\u2068", "\u2069"
)
_BIDI_CONTROLS = frozenset(_BIDI_PAIRS) | frozenset(_BIDI_PAIRS.values())
_LINE_CONTROLS = frozenset("\t\n\r")
# Unicode's White_Space, like `strip_whitespace`. Python's `strip` also removes four controls.
_WHITE_SPACE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u2028\u2029\u202f\u205f\u3000"
)
# Letters and symbols without a visible glyph: four Hangul fillers, the Braille blank, the musical
# null notehead and two hieroglyphic blanks.
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800\U0001d159\U00013441\U00013442")


def _without_bidi_pair(text: str) -> str:
    """Remove paired direction marks, which some apps add around a copied name."""
    inner = text.strip(_WHITE_SPACE)
    while len(inner) > 1 and _BIDI_PAIRS.get(inner[0]) == inner[-1]:
        text = inner = inner[1:-1].strip(_WHITE_SPACE)
    return text


def _printable(allowed: frozenset[str]) -> WrapValidator:
    """Return a validator of the characters; length limits apply to the trimmed text."""

    def check(value: object, validate: Callable[[object], str]) -> str:
        text = validate(_without_bidi_pair(value) if isinstance(value, str) else value)
        for character in text:
            if character in allowed:
                continue
            category = unicodedata.category(character)
            if category in ("Cc", "Zl", "Zp") or character in _BIDI_CONTROLS:
                raise violation("value_error", "Must not contain control characters.")
        if not any(map(_is_visible, text)):
            raise violation("invisible_text", "Must contain a visible character.")
        return text

    return WrapValidator(check)


def _is_visible(character: str) -> bool:
    """Return whether it is a letter, digit, punctuation or symbol, not only a combining mark."""
    return unicodedata.category(character)[0] in "LNPS" and character not in _BLANK_LETTERS


def _at_most(max_length: int) -> BeforeValidator:
    """Return a limit of the raw text, so that trimmed blanks are limited as well."""

    def check(value: object) -> object:
        if isinstance(value, str) and len(value) > 2 * max_length:
            raise PydanticKnownError("string_too_long", {"max_length": max_length})
        return value

    return BeforeValidator(check)


# The same rules as a regular expression that JavaScript, Python and Rust interpret alike.
_BLANKS = r" \t\n\x0b\f\r\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_NEVER = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
_LINES = r"\t\n\r"
_BIDI_PAIR_PATTERNS = [
    (r"[\u202a\u202b\u202d\u202e]", r"\u202c"),
    (r"[\u2066-\u2068]", r"\u2069"),
]


def _as_json_schema(max_length: int, inside: str) -> WithJsonSchema:
    edge, blanks = f"[^{_BLANKS}{_NEVER}]", f"[{_BLANKS}]*"
    text = f"{edge}({inside}{{0,{max_length - 2}}}{edge})?"
    paired = [f"{start}{blanks}{text}{blanks}{end}" for start, end in _BIDI_PAIR_PATTERNS]
    return WithJsonSchema(
        {
            "type": "string",
            "description": (
                f"1 to {max_length} characters after trimming, at least one of them visible, "
                "without control characters; paired direction marks around it are removed"
            ),
            "minLength": 1,
            "maxLength": 2 * max_length,
            "pattern": f"^{blanks}({'|'.join([text, *paired])}){blanks}$",
        }
    )


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    _printable(allowed=frozenset()),
    _at_most(100),
    _as_json_schema(100, f"[^{_NEVER}{_LINES}]"),
]
Description = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    _printable(allowed=_LINE_CONTROLS),
    _at_most(200),
    _as_json_schema(200, f"[^{_NEVER}]"),
]
Note = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
    _printable(allowed=_LINE_CONTROLS),
    _at_most(500),
    _as_json_schema(500, f"[^{_NEVER}]"),
]
