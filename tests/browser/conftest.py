"""Debian's Chromium, with checks that pages log no error and call no other host."""

import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from tests.support.deployed_shop import Shop

# A name other than localhost, since Swagger UI treats localhost differently.
HOST = "shop.example"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    found = shutil.which("chromium")
    if found is None:
        pytest.exit("tests/browser needs Chromium: apt-get install chromium", returncode=1)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=[f"--host-resolver-rules=MAP {HOST} 127.0.0.1"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def url(shop: Shop) -> str:
    """A page of the shop under a public host name."""
    return f"http://{HOST}:{urlsplit(shop.url).port}"


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    page = chromium.new_page(locale="en-GB")
    page.set_default_timeout(15_000)
    wrong: list[str] = []
    asked: set[str] = set()

    def on_console(message: ConsoleMessage) -> None:
        # Chromium logs every error response of the API; the page displays them.
        is_rejection = "the server responded with a status of 4" in message.text
        is_of_api = urlsplit(message.location["url"]).path.startswith("/api/")
        if message.type in ("error", "warning") and not (is_rejection and is_of_api):
            wrong.append(message.text)

    def on_request(request: Request) -> None:
        if request.url.startswith("http"):
            asked.add(urlsplit(request.url).netloc)

    page.on("console", on_console)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", on_request)
    yield page
    page.close()
    assert wrong == []
    assert len(asked) <= 1
