"""The documentation site, as `make docs` builds it, from a file server."""

import re
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.accessibility import accessibility_faults
from tests.support.installed_files import remedy, shared_files, site_packages
from tests.support.sam_template import ROOT

SITE = ROOT / ".local/site"
PAGES = ["index", "tutorial", "architecture", "comparison", "api-reference/orders"]


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Keep the test output free of access logs."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The URL of the site on a file server."""
    handler = partial(QuietHandler, directory=str(SITE))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def search(page: Page, text: str) -> Locator:
    """Search by the keyboard; return the results."""
    expect(page.get_by_role("button", name="Search")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type(text)
    return page.get_by_role("option", name="Idempotency record in the transaction")


def faults_of_content(page: Page) -> list[str]:
    """Return the faults except the theme's: each block of code and section is a navigation."""
    return [it for it in accessibility_faults(page) if not it.startswith("landmark-unique:")]


# The fixture `page` fails for an error in the console and for a request to a second host.
@pytest.mark.parametrize("name", PAGES)
def test_page_has_no_accessibility_fault_in_both_schemes(page: Page, site: str, name: str) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(f"{site}/{name}.html")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    light = faults_of_content(page)
    page.get_by_title("Switch to dark mode").click()
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")

    assert light == faults_of_content(page) == []


def test_search_finds_a_decision_by_a_word(page: Page, site: str) -> None:
    page.goto(f"{site}/index.html")

    expect(search(page, "idempotency record")).to_be_visible()
    page.keyboard.press("Enter")

    address = f"{site}/decisions/004-idempotency-record-in-the-transaction.html"
    expect(page).to_have_url(re.compile(re.escape(address)))


def test_search_works_without_a_server(page: Page) -> None:
    page.goto(f"file://{SITE}/index.html")

    expect(search(page, "idempotency record")).to_be_visible()


def test_dark_mode_switches_and_is_kept(page: Page, site: str) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(f"{site}/index.html")
    body = page.locator("body")
    expect(body).to_have_attribute("data-md-color-scheme", "default")

    page.get_by_title("Switch to dark mode").click()

    expect(body).to_have_attribute("data-md-color-scheme", "slate")
    page.reload()
    expect(body).to_have_attribute("data-md-color-scheme", "slate")


def test_pictures_are_drawn(page: Page, site: str) -> None:
    page.goto(f"{site}/local-cloud.html")

    # Zensical draws into a shadow root, whose size is that of the picture.
    picture = page.locator("div.mermaid")
    expect(picture).to_have_count(1)
    box = picture.bounding_box()
    assert box is not None and box["height"] > 100


def test_assistants_get_every_page_as_markdown(page: Page, site: str) -> None:
    listed = page.request.get(f"{site}/llms.txt").text()

    assert "- [Tutorial: from your first endpoint to an event](tutorial.md)" in listed
    assert page.request.get(f"{site}/tutorial.md").text().startswith("# Tutorial")


def test_files_of_the_generator_belong_to_one_distribution() -> None:
    shared = shared_files(site_packages(ROOT / ".venv-docs"))

    assert not shared, remedy(shared)
