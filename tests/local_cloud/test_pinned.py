"""Checks of patch targets: a missing or changed target raises PatchTargetChanged."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tools.local_cloud.emulator.patches.pinned import PatchTargetChanged, pinned, require_names


def target(first: int, second: int) -> int:
    return first + second


OWNER = SimpleNamespace(__name__="emulator", target=target)


def test_unchanged_target_is_returned() -> None:
    assert pinned(OWNER, "target", "first second", source="first + second") is target


@pytest.mark.parametrize(
    ("name", "parameters", "source", "message"),
    [
        ("gone", None, "", r"emulator\.gone is missing"),
        ("target", "first", "", r"takes \(first second\), not \(first\)"),
        ("target", None, "first - second", "no longer contains 'first - second'"),
    ],
)
def test_changed_target_is_named(
    name: str, parameters: str | None, source: str, message: str
) -> None:
    with pytest.raises(PatchTargetChanged, match=message):
        pinned(OWNER, name, parameters, source)


def test_missing_names_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "ministack/core"
    package.mkdir(parents=True)
    (package / "runtime.py").write_text(
        "_pool = {}\nclass Worker:\n    def __init__(self):\n        self._lock = None\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    require_names(["core.runtime._pool", "core.runtime.Worker._lock"])
    for name in ("core.runtime._gone", "core.runtime.Worker._gone"):
        with pytest.raises(PatchTargetChanged, match=rf"ministack\.{name} is missing"):
            require_names([name])
