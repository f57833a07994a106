"""The documentation site: links of its pages, and its navigation."""

from pathlib import Path

import pytest

from tests.support.sam_template import ROOT
from tools.site.check import broken_links
from tools.site.links import BrokenLink, for_python_markdown, page_of, rewritten
from tools.site.pages import navigation, without_place

RUNBOOK = ROOT / "docs/runbooks/latency.md"


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("../api.md#errors", "../api.md#errors"),
        ("README.md#subscribe-to-alarms", "index.md#subscribe-to-alarms"),
        ("../../clients/python/README.md", "../clients/python.md"),
        ("../../template.yaml", "../files/template.yaml.md"),
        ("../../.github/workflows/ci.yaml", "../files/github/workflows/ci.yaml.md"),
        ("../openapi.json", "../openapi.json"),
        ("../decisions", "../decisions/index.md"),
        ("../../examples/storefront", "../files/examples/storefront/index.md"),
        ("https://example.com/a.md", "https://example.com/a.md"),
        ("#steps", "#steps"),
    ],
)
def test_link_leads_to_a_page_of_the_site(link: str, expected: str) -> None:
    text, _ = rewritten(f"[text]({link})", RUNBOOK, page_of(RUNBOOK))

    assert text == f"[text]({expected})"


def test_link_in_a_block_of_code_is_unchanged() -> None:
    code = "```markdown\n[text](nowhere.md)\n```\n"

    assert rewritten(code, RUNBOOK, page_of(RUNBOOK)) == (code, set())


def test_link_to_a_missing_file_is_rejected() -> None:
    with pytest.raises(BrokenLink, match="nowhere.md"):
        rewritten("[text](nowhere.md)", RUNBOOK, page_of(RUNBOOK))


def test_list_of_github_is_a_list_of_python_markdown() -> None:
    text = "Text:\n* one\n* two\n\n1. First:\n\n   ```sh\n   make run\n   ```\n\nText\n"

    assert for_python_markdown(text) == (
        "Text:\n\n* one\n* two\n\n1. First:\n\n    ```sh\n    make run\n    ```\n\nText\n"
    )


def test_navigation_has_existing_pages_and_those_of_folders() -> None:
    configured = [{"Home": "index.md"}, {"Later": "later.md"}, {"Run": [{"Runbooks": []}]}]
    found = ["index.md", "runbooks/latency.md", "runbooks/index.md", "new.md", "files/a.md"]

    complete = navigation(configured, found)

    runbooks = ["runbooks/index.md", "runbooks/latency.md"]
    assert complete == [{"Home": "index.md"}, {"Run": [{"Runbooks": runbooks}]}]
    assert without_place(complete, found) == {"new.md"}


def test_broken_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "404.html").write_text('<a href="/nowhere.html"></a>')
    (tmp_path / "a.html").write_text(
        '<h1 id="top"></h1><a href="b.html"></a><a href="#top"></a><a href="#end"></a>'
        '<a href="https://example.com"></a><img src="none.png">'
    )
    (tmp_path / "b.html").write_text('<a href="a.html#top"></a><a href="a.html#x"></a>')

    assert broken_links(tmp_path) == ["a.html: #end", "a.html: none.png", "b.html: a.html#x"]
