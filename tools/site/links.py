"""Links of the documents, rewritten for the site, which has a page for each linked file."""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from tools.deployments import ROOT

DOCS = ROOT / "docs"
# Files that a browser displays itself
RAW = {".json", ".png", ".svg"}
# Documents outside of docs/
PAGES = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "index.md",
    "SECURITY.md": "security.md",
    "clients/python/README.md": "clients/python.md",
    "clients/typescript/README.md": "clients/typescript.md",
}
_LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
_FENCE = re.compile(r"^[ ]*```")


class BrokenLink(Exception):
    """A link to a file that does not exist."""


def page_of(path: Path) -> str:
    """Return the path of a file's page in the site, or of the file itself if browsers show it."""
    name = path.relative_to(ROOT).as_posix()
    if name in PAGES:
        return PAGES[name]
    if path.is_dir():
        folder = name.removeprefix("docs/")
        is_section = folder != name and (
            (path / "README.md").exists() or folder in ("decisions", "events")
        )
        return f"{folder}/index.md" if is_section else f"files/{name}/index.md"
    if path.is_relative_to(DOCS):
        inner = path.relative_to(DOCS).as_posix()
        if path.suffix == ".md":
            return re.sub(r"(^|/)README\.md$", r"\1index.md", inner)
        if path.suffix in RAW:
            return inner
    shown = re.sub(r"(^|/)[.]", r"\1", name)  # the site has no hidden files
    return f"files/{shown}" if path.suffix == ".md" else f"files/{shown}.md"


def rewritten(text: str, source: Path, page: str) -> tuple[str, set[Path]]:
    """Return a document for its page, and the files of this repository to which it links."""
    linked: set[Path] = set()

    def target(found: re.Match[str]) -> str:
        name, _, anchor = found[1].partition("#")
        if "://" in found[1] or not name:
            return found[1]
        path = Path(os.path.normpath(source.parent / name))
        if not path.exists():
            raise BrokenLink(f"{source}: {found[1]}")
        linked.add(path)
        relative = os.path.relpath(page_of(path), PurePosixPath(page).parent)
        return f"{relative}#{anchor}" if anchor else relative

    lines = [
        line if is_code else _LINK.sub(target, line) for is_code, line in _with_code_marked(text)
    ]
    return "".join(lines), linked


def for_python_markdown(text: str) -> str:
    """Return a document of GitHub's Markdown for Python-Markdown, which nests by four spaces.

    It also needs an empty line before a list.
    """
    written: list[str] = []
    is_in_list = False
    for is_code, line in _with_code_marked(text):
        is_item = not is_code and re.match(r"(?:[*-]|\d+\.) ", line) is not None
        if is_item and not is_in_list and written and written[-1].strip():
            written.append("\n")
        is_in_list = is_item or (is_in_list and (line.startswith(" ") or not line.strip()))
        written.append(f" {line}" if is_in_list and line.startswith("   ") else line)
    return "".join(written)


def _with_code_marked(text: str) -> Iterator[tuple[bool, str]]:
    is_code = False
    for line in text.splitlines(keepends=True):
        if _FENCE.match(line):
            is_code = not is_code
            yield True, line
        else:
            yield is_code, line
