"""Pictures of README.md, from the running stack; `--pictures docs/images` replaces them."""

import json
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.pictures import terminal_page, with_palette
from tests.browser.storefront import Storefront
from tests.support.deployed_shop import Shop
from tests.support.waiting import eventually
from tools.local_cloud.seed import PRODUCTS
from tools.local_cloud.traces import last_requests, read_documents, trees
from tools.local_cloud.waterfall import drawn

MAX_BYTES = 150_000
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.fixture
def folder(pytestconfig: pytest.Config, tmp_path: Path) -> Path:
    return Path(pytestconfig.getoption("--pictures", default=None) or tmp_path)


def save(page: Page, pictures: dict[Path, bytes]) -> None:
    # The policies of pages forbid the encoder.
    page.goto("about:blank")
    for path, png in pictures.items():
        picture = with_palette(page, png)
        assert len(picture) < MAX_BYTES
        path.write_bytes(picture)


def both_schemes(page: Page, folder: Path, name: str) -> dict[Path, bytes]:
    pictures = {}
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        pictures[folder / f"{name}-{scheme}.png"] = page.screenshot()
    return pictures


def test_pictures_of_the_storefront_are_small(
    shop: Shop,
    chromium: Browser,
    folder: Path,
    storefront: Storefront,
    catalogue: set[str],
) -> None:
    page = chromium.new_page(viewport={"width": 1120, "height": 640}, locale="en-GB")

    def leave_out_other_products(route: Route) -> None:
        response = route.fetch()
        content = response.json()
        found = [it for it in content["data"] if it["sku"] in catalogue]
        route.fulfill(response=response, body=json.dumps(content | {"data": found}))

    page.route("**/api/products?**", leave_out_other_products)
    page.goto(storefront.url)
    for name in ("Butter biscuits", "Coffee beans, 250 g", "Coffee beans, 250 g"):
        page.get_by_role("button", name=f"Add {name}").click()
    expect(page.get_by_text("€21.40")).to_be_visible()
    page.evaluate("scrollTo(0, 0)")

    save(page, both_schemes(page, folder, "storefront"))
    page.close()


@pytest.fixture(scope="module")
def catalogue(shop: Shop) -> set[str]:
    """The products of `make run`, as far as they are missing; their SKUs."""
    for sku, name, price in PRODUCTS:
        body = {"sku": sku, "name": name, "price": price, "currency": "EUR", "stock": 100}
        assert shop.admin.http.post("/api/products", json=body).status_code in (201, 409)
    return {sku for sku, _, _ in PRODUCTS}


def test_pictures_of_the_documentation_page_are_small(
    shop: Shop, chromium: Browser, folder: Path
) -> None:
    page = chromium.new_page(viewport={"width": 1120, "height": 1060})
    page.goto(f"{shop.url}/docs")
    expect(page.get_by_role("button", name="Log in", exact=True)).to_be_enabled()

    save(page, both_schemes(page, folder, "docs"))
    page.close()


def test_picture_of_traces_is_small(shop: Shop, chromium: Browser, folder: Path) -> None:
    ada, product = shop.sign_up(), shop.product()
    placed = ada.order((product["id"], 2))
    assert placed.status_code == 201
    traces = shop.stack.emulator.traces
    request_id = placed.headers["X-Request-Id"]

    def shown() -> list[str]:
        tops = last_requests(trees(read_documents(traces)), 5)
        texts = [drawn(it, tops[0].start, width=112, coloured=True) for it in tops]
        return texts if any(request_id in it for it in texts) else []

    assert eventually(lambda: bool(shown()))
    text = "\n\n".join(["$ make trace N=5", *shown()])
    page = chromium.new_page(viewport={"width": 1120, "height": 400})
    page.set_content(terminal_page(text))

    save(page, {folder / "trace.png": page.locator("pre").screenshot()})
    page.close()
