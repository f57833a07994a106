"""The pages of the site: documents with rewritten links, linked files, and the API reference."""

import json
import os
import re
import subprocess
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any  # the navigation is a tree of TOML

from tools.deployments import ROOT
from tools.openapi.document import DOCUMENT
from tools.site import api_reference
from tools.site.links import DOCS, PAGES, RAW, for_python_markdown, page_of, rewritten

_LANGUAGES = {".py": "python", ".ts": "ts", ".yaml": "yaml", ".graphql": "graphql"}
# Sections of the navigation, and the folders of their pages
_FOLDERS = {"Runbooks": "runbooks", "Decisions": "decisions", "API reference": "api-reference"}
_CODE = {".proto": "protobuf", ".toml": "toml", ".json": "json", ".sh": "sh"}


def pages() -> Mapping[str, str | bytes]:
    """Return the content of every file of the site's source, by its path there."""
    found: dict[str, str | bytes] = {}
    linked: set[Path] = set()
    documents = {*DOCS.rglob("*.md"), *(ROOT / name for name in PAGES)}
    while documents:
        source = documents.pop()
        if source == ROOT / "README.md":
            continue  # docs/README.md is the first page
        page = page_of(source)
        text, links = rewritten(source.read_text(), source, page)
        found[page] = for_python_markdown(text)
        linked |= links
        documents |= {it for it in links if it.suffix == ".md" and page_of(it) not in found}
    for path in [*DOCS.rglob("*")]:
        if path.suffix in RAW:
            found[path.relative_to(DOCS).as_posix()] = path.read_bytes()
    for path in sorted(linked):
        if page_of(path) not in found:
            found[page_of(path)] = _page_of_file(path)
    found.update(api_reference.pages(json.loads(DOCUMENT.read_text())))
    return found


def _page_of_file(path: Path) -> str | bytes:
    name = path.relative_to(ROOT).as_posix()
    if path.is_dir():
        return "".join(_listing(path))
    language = (_LANGUAGES | _CODE).get(path.suffix, "text")
    fence = "````"
    return f"# {name}\n\n{fence}{language}\n{path.read_text().rstrip()}\n{fence}\n"


def _listing(folder: Path) -> Iterator[str]:
    """Yield a page that lists a folder: documents by their titles, other files by their names.

    Only files of docs/ have pages of their own, to which it links.
    """
    yield f"# {folder.name.title()}\n\n"
    here = Path(page_of(folder)).parent
    for path in _committed(folder):
        link = os.path.relpath(page_of(path), here)
        if not path.is_relative_to(DOCS):
            yield f"* `{path.name}`\n"
        elif path.suffix == ".md":
            yield f"* [{title(path.read_text())}]({link})\n"
        elif path.suffix in RAW:
            yield f"* [{path.name}]({link})\n"
        else:
            yield f"* `{path.name}`\n"


def _committed(folder: Path) -> list[Path]:
    """Return the files and folders in a folder, without those that git ignores."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return [folder / it for it in sorted({it.split("/")[0] for it in listed.stdout.splitlines()})]


def title(text: str) -> str:
    found = re.search(r"^# (.*)$", text, re.MULTILINE)
    return found[1] if found else ""


def navigation(configured: list[Any], found: Collection[str]) -> list[Any]:
    """Return the configured navigation of the pages that exist, with those of empty sections."""
    return [_filled(it, found) for it in configured if _is_shown(it, found)]


def _is_shown(entry: Mapping[str, Any], found: Collection[str]) -> bool:
    [value] = entry.values()
    return not isinstance(value, str) or value in found


def _filled(entry: Mapping[str, Any], found: Collection[str]) -> Mapping[str, Any]:
    [(name, value)] = entry.items()
    if isinstance(value, str):
        return entry
    if value:
        return {name: navigation(value, found)}
    folder = f"{_FOLDERS[name]}/"
    inner = sorted(it for it in found if it.startswith(folder) and it.endswith(".md"))
    return {name: sorted(inner, key=lambda it: not it.endswith("/index.md"))}


def without_place(complete: list[Any], found: Collection[str]) -> set[str]:
    """Return the pages that the navigation lacks, except those of linked files and folders."""
    pages = {it for it in found if it.endswith(".md") and not it.startswith(("files/", "events/"))}
    return pages - {page for entry in complete for page in _flat(entry)}


def llms_text(navigation: list[Any], found: Mapping[str, str | bytes]) -> str:
    """Return the list of pages for coding assistants, https://llmstxt.org."""
    return "".join(_llms_lines(navigation, found))


def _llms_lines(navigation: list[Any], found: Mapping[str, str | bytes]) -> Iterator[str]:
    yield "# Shop\n\n"
    yield "> A production-grade backend for users and orders on AWS Lambda, in Python.\n"
    for entry in navigation:
        [(name, value)] = entry.items()
        yield f"\n## {name}\n\n"
        for page in _flat(value):
            yield f"- [{title(str(found[page]))}]({page})\n"


def _flat(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for entry in value:
            yield from _flat(entry)
    else:
        for inner in value.values():
            yield from _flat(inner)
