"""Commands of a document, and the output that the document prints below them."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.support.waiting import HANG_SECONDS

# A separator between the outputs of blocks.
_CUT = "----- 8< -----"


class Commands(NamedTuple):
    """A block of commands, and its documented output."""

    script: str
    output: str


def commands_of(text: str) -> Iterator[Commands]:
    """Yield the blocks of a document, except calls of make."""
    for script, output in re.findall(
        r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", text, re.DOTALL | re.MULTILINE
    ):
        if not script.startswith("make "):
            yield Commands(script, output)


def run_commands(found: Sequence[Commands], folder: Path, url: str) -> None:
    """Run the blocks in one shell against the API at this URL; fail for another output.

    `…` in a documented output stands for any text of one line, and its lines follow each other in
    any distance.
    """
    script = f"\necho '{_CUT}'\n".join(it.script for it in found)
    done = subprocess.run(
        ["sh", "-euc", script.replace("http://localhost:8080", url)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    printed = done.stdout.replace("\r", "").split(_CUT)
    for commands, output in zip(found, printed, strict=True):
        assert _pattern(commands.output).search(output), f"{commands.output}\n{output}"


def _pattern(output: str) -> re.Pattern[str]:
    lines = ("[^\n]*".join(map(_literal, it.strip().split("…"))) for it in output.splitlines())
    return re.compile(".*?".join(lines), re.DOTALL | re.IGNORECASE)


def _literal(text: str) -> str:
    """Return a pattern of this text. A number at its end has no further digits."""
    return re.escape(text) + (r"(?!\d)" if text[-1:].isdigit() else "")
