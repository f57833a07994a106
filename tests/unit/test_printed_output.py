"""The comparison of documented with printed output."""

from pathlib import Path

import pytest

from tests.support.printed_output import Commands, run_commands


@pytest.mark.parametrize(
    ("documented", "printed", "matches"),
    [
        ('{"id":"…","stock":8}', '{"id":"a","stock":8}', True),
        ('"stock":8', '"stock":80', False),
        ('"stock":8…', '"stock":80, "a":1', False),
        ("201\n200", "201\nother\n200", True),
        ("{…}", "{\n}", False),
        ("{…}", "{\n{a}", True),
    ],
)
def test_output_matches_by_lines(
    tmp_path: Path, documented: str, printed: str, matches: bool
) -> None:
    (tmp_path / "printed").write_text(printed)
    commands = [Commands("cat printed", documented)]

    if matches:
        run_commands(commands, tmp_path, "http://localhost:8080")
    else:
        with pytest.raises(AssertionError):
            run_commands(commands, tmp_path, "http://localhost:8080")
