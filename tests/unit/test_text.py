"""Names and notes keep their script, and lose what would deceive."""

import pytest
from pydantic import TypeAdapter, ValidationError

from shop.text import Name, Note

NAME: TypeAdapter[str] = TypeAdapter(Name)
NOTE: TypeAdapter[str] = TypeAdapter(Note)


@pytest.mark.parametrize("name", ["Ada", "José Ñandú", "王小明", "محمد", "नरेंद्र", "👩‍🚀", "x" * 100])
def test_a_name_of_any_script_is_kept(name: str) -> None:
    assert NAME.validate_python(f"  {name}\t") == name


@pytest.mark.parametrize(
    "name",
    ["", "   ", "x" * 101, "a\nb", "a\0b", "a\x7fb", "\u202egnp.exe", "a\u2066b", "a\u2028b"],
)
def test_a_name_without_text_or_with_controls_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        NAME.validate_python(name)


def test_a_note_may_have_lines() -> None:
    assert NOTE.validate_python("ring twice\nthen wait") == "ring twice\nthen wait"
    for wrong in ("a\0b", "a\u202eb", "x" * 501):
        with pytest.raises(ValidationError):
            NOTE.validate_python(wrong)
