"""The tutorial's edits, applied to a copy of the repository as a reader applies them.

`python -m tests.support.tutorial` updates their context and line numbers after other changes.
"""

import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.support.sam_template import ROOT
from tools.new_endpoint import scaffold, write

PAGE = ROOT / "docs/tutorial.md"
_BLOCK = re.compile(r"(?:^`([\w./-]+)`:\n\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# The line that `@@ … @@` names: the nearest one above the hunk, as git finds it.
_SECTIONS = {".py": re.compile(r"[A-Za-z_].*"), ".yaml": re.compile(r"  [A-Za-z]+:.*")}


class Block(NamedTuple):
    """A fenced block, and the file that the text names above it."""

    path: str
    language: str
    text: str


def blocks() -> Sequence[Block]:
    return [Block(*it) for it in _BLOCK.findall(PAGE.read_text())]


def apply_tutorial(folder: Path) -> None:
    """Apply every edit in the order of the page; fail if one does not fit exactly."""
    for block in blocks():
        if block.language == "diff":
            error = _apply(block.text, folder)
            assert not error, f"{block.text}\n{error}run: python -m tests.support.tutorial"
            _check_places(block.text, folder)
        else:
            _write(block, folder)


def _write(block: Block, folder: Path) -> None:
    if made := re.fullmatch(r'make endpoint ROUTE="(.*)" ACCESS=(\w+)\n', block.text):
        write(scaffold(made[1], made[2], None, folder), folder)
    elif block.path:
        path = folder / block.path
        if block.path == "functions/products/get_product_lowest_price.py":
            assert path.read_text() == block.text, "the page shows another generated handler"
        path.write_text(block.text)


def _apply(diff: str, folder: Path, *options: str) -> str:
    """Return the error, or an empty text."""
    command = ["git", "apply", *options, "-"]
    done = subprocess.run(command, cwd=folder, input=diff, text=True, capture_output=True)
    return done.stderr if done.returncode else ""


def _name(diff: str) -> str:
    [name] = re.findall(r"^\+\+\+ b/(.*)$", diff, re.MULTILINE)
    return str(name)


def _check_places(diff: str, folder: Path) -> None:
    """Fail if a hunk is not below the line that it names, or if it fits twice."""
    name = _name(diff)
    lines = (folder / name).read_text().splitlines()
    for hunk in re.split(r"^(?=@@ )", diff, flags=re.MULTILINE)[1:]:
        header, *body = hunk.splitlines()
        added = [line[1:] for line in body if line[:1] in " +"]
        section = _SECTIONS.get(Path(name).suffix)
        if section is None or header.endswith("@@"):
            continue
        [place] = [at for at in range(len(lines)) if lines[at : at + len(added)] == added]
        above = [line for line in lines[:place] if section.match(line)]
        assert above[-1].startswith(header.split("@@ ", 2)[2].rstrip()), f"{name}: {header}"


def _updated(found: re.Match[str], folder: Path) -> str:
    """Apply a block of the page, and return it with the present context."""
    block = Block(*(it or "" for it in found.groups()))

    def git(*arguments: str) -> str:
        command = ["git", "-c", "diff.yaml.xfuncname=^  [A-Za-z]+:.*$", *arguments]
        return subprocess.run(
            command, cwd=folder, check=True, capture_output=True, text=True
        ).stdout

    if block.language == "diff":
        if _apply(block.text, folder) and (error := _apply(block.text, folder, "-C1")):
            raise SystemExit(f"{block.text}\n{error}Change this edit in {PAGE.name}.")
    else:
        _write(block, folder)
        git("add", "--all")
        return found[0]
    is_wide = _name(block.text).endswith(("operations.yaml", ".md"))
    diff = git("diff", "--unified=1" if is_wide else "--unified=2")
    git("add", "--all")
    return f"```diff\n{diff[diff.index('--- a/') :]}```"


def main() -> None:
    """Rewrite the page."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "shop"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
        (folder / ".git/info/attributes").write_text("*.yaml diff=yaml\n")
        text = PAGE.read_text()
        PAGE.write_text(_BLOCK.sub(lambda found: _updated(found, folder), text))


if __name__ == "__main__":
    main()
