"""Text that people write: trimmed, and free of characters that lie about what is shown."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from shop.schemas import shown

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


def _at_most(length: int) -> BeforeValidator:
    """A limit of what is sent, so that blanks around a text, which are cut off, have an end too."""

    def check(value: object) -> object:
        if isinstance(value, str) and len(value) > length:
            raise PydanticCustomError(
                "string_too_long",
                "String should have at most {length} characters",
                {"length": length},
            )
        return value

    return BeforeValidator(check)


# The same rules as a regular expression that JavaScript, Python and Rust read alike.
_BLANKS = r" \t\n\x0b\f\r\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_NEVER = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
_LINES = r"\t\n\r"


def _as_json_schema(longest: int, inside: str, example: str) -> WithJsonSchema:
    edge = f"[^{_BLANKS}{_NEVER}]"
    return WithJsonSchema(
        {
            "type": "string",
            "description": f"1 to {longest} characters once trimmed, without control characters",
            "minLength": 1,
            "maxLength": 2 * longest,
            "pattern": f"^[{_BLANKS}]*{edge}({inside}{{0,{longest - 2}}}{edge})?[{_BLANKS}]*$",
            "examples": [example],
        }
    )


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(_one_line),
    _at_most(200),
    _as_json_schema(100, f"[^{_NEVER}{_LINES}]", "Ada Lovelace"),
]
NameRead = Annotated[str, shown(maxLength=100, examples=["Ada Lovelace"])]
Note = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
    AfterValidator(_lines),
    _at_most(1000),
    _as_json_schema(500, f"[^{_NEVER}]", "Please ring twice."),
]
NoteRead = Annotated[str, shown(maxLength=500, examples=["Please ring twice."])]
