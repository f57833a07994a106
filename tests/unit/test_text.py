"""Names and notes keep their script, and lose deceptive characters."""

import pytest
from pydantic import TypeAdapter, ValidationError

from shop.text import Name, Note

NAME: TypeAdapter[str] = TypeAdapter(Name)
NOTE: TypeAdapter[str] = TypeAdapter(Note)


@pytest.mark.parametrize("name", ["Ada", "José Ñandú", "王小明", "محمد", "नरेंद्र", "👩‍🚀", "x" * 100])
def test_name_of_any_script_is_kept(name: str) -> None:
    assert NAME.validate_python(f"  {name}\t") == name


@pytest.mark.parametrize(
    "name",
    ["", "   ", "x" * 101, "a\nb", "a\0b", "a\x7fb", "\u202egnp.exe", "a\u2066b", "a\u2028b"],
)
def test_name_without_text_or_with_controls_is_rejected(name: str) -> None:
    with pytest.raises(ValidationError):
        NAME.validate_python(name)


@pytest.mark.parametrize(
    "name",
    [
        *("\u200b", "\u3164", "\u2800", "\u00ad", "\u0301", "\u115f\u1160", "\uffa0"),
        *(
            "\u200d",
            "\u200e",
            "\ufeff",
            "\U000e0041",
            "\ufe0f",
            "\u034f",
            "\U0001d159",
            "\U00013441",
        ),
        *(" \u200b \u3164 ", "\u2068\u200b\u2069", "\u0903", "\u20dd"),
    ],
)
@pytest.mark.parametrize("kind", [NAME, NOTE], ids=["name", "note"])
def test_invisible_text_is_rejected(kind: TypeAdapter[str], name: str) -> None:
    with pytest.raises(ValidationError) as rejection:
        kind.validate_python(name)

    (error,) = rejection.value.errors()
    assert (error["type"], error["msg"]) == (
        "invisible_text",
        "Must contain a visible character.",
    )


@pytest.mark.parametrize(
    "name",
    ["می\u200cخواهم", "क\u094d\u200dष", "e\u0301", "\u200bAda", "Ada\u00ad", "!", "7", "\u200fעדה"],
)
def test_joiners_and_marks_beside_visible_characters_are_kept(name: str) -> None:
    assert NAME.validate_python(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "\u202aAda\u202c",
        "\u202eAda\u202c",
        "\u2068Ada\u2069",
        " \u2066 Ada \u2069\n",
        "\u2068\u202bAda\u202c\u2069",
    ],
)
def test_paired_direction_marks_around_a_name_are_removed(name: str) -> None:
    assert NAME.validate_python(name) == "Ada"


@pytest.mark.parametrize(
    "name",
    [
        *("\u202eAda", "Ada\u202c", "\u202aAda\u2069", "\u2068Ada\u202c", "A\u202ad\u202ca"),
        *("\u2068Ada\u2069 \u2068Lovelace\u2069", "\u2068\x1fAda\u2069"),
    ],
)
def test_other_direction_marks_are_rejected_as_controls(name: str) -> None:
    with pytest.raises(ValidationError) as rejection:
        NAME.validate_python(name)

    (error,) = rejection.value.errors()
    assert (error["type"], error["msg"]) == (
        "value_error",
        "Must not contain control characters.",
    )


def test_length_is_counted_without_paired_direction_marks() -> None:
    assert NAME.validate_python("\u2068" + "x" * 100 + "\u2069") == "x" * 100
    for empty in ("\u2068\u2069", "\u2068 \u2069"):
        with pytest.raises(ValidationError) as rejection:
            NAME.validate_python(empty)
        assert rejection.value.errors()[0]["type"] == "string_too_short"


def test_note_can_have_lines() -> None:
    assert NOTE.validate_python("ring twice\nthen wait") == "ring twice\nthen wait"
    for wrong in ("a\0b", "a\u202eb", "x" * 501):
        with pytest.raises(ValidationError):
            NOTE.validate_python(wrong)
