"""Debian's Chromium, with checks that pages log no error and call no other host."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    Route,
    expect,
    sync_playwright,
)

from tests.browser.storefront import Storefront
from tests.support.deployed_shop import Shop

# A name other than localhost, since Swagger UI treats localhost differently.
HOST = "shop.example"
TIMEOUT = 60_000  # milliseconds; bounds a hang: Chromium shares the machine with other tests


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", metavar="FOLDER", help="write the pictures of pages here")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    # Without the user interface of the window, it takes half of the CPU time.
    found = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if found is None:
        pytest.exit("tests/browser needs Chromium: apt-get install chromium", returncode=1)
    expect.set_options(timeout=TIMEOUT)
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


@pytest.fixture(scope="session")
def storefront(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storefront]:
    with Storefront(shop, tmp_path_factory.mktemp("storefront")) as storefront:
        yield storefront


@dataclass
class Expected:
    """What the page of a test may do besides."""

    destinations: set[str] = field(default_factory=set)  # hosts that it may navigate to
    messages: set[str] = field(default_factory=set)  # parts of messages in the console
    apis: set[str] = field(default_factory=set)  # hosts that it may call


@pytest.fixture
def expected() -> Expected:
    return Expected()


@pytest.fixture
def page(chromium: Browser, expected: Expected) -> Iterator[Page]:
    context = chromium.new_context(locale="en-GB")
    context.set_default_timeout(TIMEOUT)
    wrong: list[str] = []
    asked: set[str] = set()

    def on_console(message: ConsoleMessage) -> None:
        # Chromium logs every error response of the API; the page displays them.
        is_rejection = "the server responded with a status of 4" in message.text
        is_of_api = urlsplit(message.location["url"]).path.startswith("/api/")
        is_expected = any(it in message.text for it in expected.messages)
        if (
            message.type in ("error", "warning")
            and not (is_rejection and is_of_api)
            and not is_expected
        ):
            wrong.append(message.text)

    def on_request(request: Request) -> None:
        host = urlsplit(request.url).netloc
        is_arrival = request.is_navigation_request() and host in expected.destinations
        is_call = host in expected.apis
        if request.url.startswith("http") and not is_arrival and not is_call:
            asked.add(host)

    # Of the context, so that windows that the page opens are checked too.
    context.on("console", on_console)
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("request", on_request)
    yield context.new_page()
    context.close()
    assert wrong == []
    assert len(asked) <= 1


def serve_below_stage(shop: Shop, page: Page, url: str) -> str:
    """Return the URL of the API below a stage, as at the gateway's own address, for this page."""
    emulator = shop.stack.emulator.endpoint
    host = f"{shop.resources['Api']}.execute-api.127.0.0.1"

    def ask_gateway(route: Route) -> None:
        asked = emulator + route.request.url.removeprefix(url)
        headers = route.request.headers | {"host": host}
        route.fulfill(response=route.fetch(url=asked, headers=headers, max_redirects=0))

    page.context.route(f"{url}/local/**", ask_gateway)
    return f"{url}/local"
