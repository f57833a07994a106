"""Documents: links, commands and pictures match the repository."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sam_template import ROOT, functions, resources

DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("clients/*/README.md")]
)
MAX_DECISION_LINES = 40
MAX_README_LINES = 100
MAX_README_NODES = 8


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub generates them."""
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def links(path: Path) -> Iterator[str]:
    """Return the targets of links to files and headings of this repository."""
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if "://" not in target:
            yield target


def picture(path: Path) -> str:
    return path.read_text().split("```mermaid")[1].split("```")[0]


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_links_lead_to_existing_files_and_headings(document: Path) -> None:
    for link in links(document):
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document

        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_commands_are_make_targets(document: Path) -> None:
    printed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True).stdout
    targets = set(re.findall(r"^  make ([a-z-]+) ", printed, re.MULTILINE))

    named = set(re.findall(r"(?:`|^|&& )make ([a-z-]+)", document.read_text(), re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_paths_exist(document: Path) -> None:
    roots = {"shop": ROOT / "layers/shop"}
    pattern = r"`((?:shop|functions|layers|tests|tools|docs|events)/[\w./-]*)`"

    for path in re.findall(pattern, document.read_text()):
        root = roots.get(path.partition("/")[0], ROOT)
        assert (root / path).exists(), path


def test_architecture_picture_shows_every_function_and_every_table() -> None:
    drawn = set(re.findall(r"\w+", picture(ROOT / "docs/architecture.md")))

    tables = {name.removesuffix("Table") for name in resources("AWS::DynamoDB::Table")}
    parts = {function.name for function in functions()} | tables
    assert parts <= drawn, "draw it into the picture of docs/architecture.md"


def test_architecture_explains_every_table() -> None:
    text = (ROOT / "docs/architecture.md").read_text()

    for name in resources("AWS::DynamoDB::Table"):
        assert f"| {name.removesuffix('Table')} |" in text, name


def test_readme_is_short_and_its_picture_small() -> None:
    readme = ROOT / "README.md"
    nodes = set(re.findall(r"(\w+)(?:\[|\(|\{)", picture(readme)))

    assert len(readme.read_text().splitlines()) <= MAX_README_LINES
    assert len(nodes) <= MAX_README_NODES


@pytest.mark.parametrize("decision", sorted(ROOT.glob("docs/decisions/*.md")), ids=relative)
def test_decision_is_short(decision: Path) -> None:
    assert len(decision.read_text().splitlines()) <= MAX_DECISION_LINES
