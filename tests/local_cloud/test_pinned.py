"""A patch of something that is no longer as it was fails at once, and says what."""

from types import SimpleNamespace

import pytest

from tools.local_cloud.emulator.pinned import PatchTargetChanged, pinned


def target(first: int, second: int) -> int:
    return first + second


OWNER = SimpleNamespace(__name__="emulator", target=target)


def test_what_is_as_expected_is_returned() -> None:
    assert pinned(OWNER, "target", "first second", source="first + second") is target


@pytest.mark.parametrize(
    ("name", "parameters", "source", "message"),
    [
        ("gone", None, "", r"emulator\.gone is gone"),
        ("target", "first", "", r"takes \(first second\), not \(first\)"),
        ("target", None, "first - second", "no longer contains 'first - second'"),
    ],
)
def test_what_changed_is_named(
    name: str, parameters: str | None, source: str, message: str
) -> None:
    with pytest.raises(PatchTargetChanged, match=message):
        pinned(OWNER, name, parameters, source)
