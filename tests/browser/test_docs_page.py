"""GET /docs in a browser: reading operations, login and trying calls."""

import json
import re
from typing import Any, Literal

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.accessibility import accessibility_faults
from tests.browser.conftest import serve_below_stage
from tests.browser.sign_in import allow_button, refuse_button, sign_in
from tests.support.deployed_shop import Person, Shop, new_product
from tests.support.fixtures import PASSWORD
from tools.openapi.document import DOCUMENT

OPERATIONS = [
    operation
    for methods in json.loads(DOCUMENT.read_text())["paths"].values()
    for operation in methods.values()
]
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
# A closed operation stands for all of them, which differ in texts only.
CLOSED = "#operations-users-createUser"
PARTS = ("header", ".info", ".scheme-container", ".opblock-tag", CLOSED, ".opblock.is-open")
NARROW, WIDE = {"width": 360, "height": 740}, {"width": 1280, "height": 900}


@pytest.fixture
def docs(page: Page, url: str) -> Page:
    page.goto(f"{url}/docs")
    expect(page.get_by_role("button", name="Log in", exact=True)).to_be_enabled()
    return page


def log_in(docs: Page, email: str, password: str = PASSWORD) -> None:
    docs.get_by_label("Email", exact=True).fill(email)
    docs.get_by_label("Password", exact=True).fill(password)
    docs.get_by_role("button", name="Log in", exact=True).click()


def login_message(docs: Page) -> Locator:
    return docs.get_by_role("status")


def call(docs: Page, name: str, body: Any = None, **parameters: str) -> tuple[int, Any]:
    """Execute an operation; return status and body as displayed.

    Parameters that are not named keep their example value.
    """
    operation = docs.locator(f'[id$="-{name}"].opblock')
    if "is-open" not in (operation.get_attribute("class") or ""):
        operation.locator(".opblock-summary-control").click()
        operation.get_by_role("button", name="Try it out").click()
    # The response of an earlier call would stay until the page shows the next one.
    clear = operation.get_by_role("button", name="Clear", exact=True)
    if clear.is_visible():
        clear.click()
        expect(operation.locator(".live-responses-table")).to_have_count(0)
    for parameter, value in parameters.items():
        operation.locator(f'[data-param-name="{parameter}"] input').fill(value)
    if body is not None:
        operation.locator("textarea").fill(json.dumps(body))
    with docs.expect_response(lambda it: "/api/" in it.url or it.url.endswith("/graphql")):
        operation.get_by_role("button", name="Execute", exact=True).click()
    response = operation.locator(".live-responses-table .response").first
    status = response.locator(".response-col_status").inner_text().split()[0]
    shown = response.locator(".microlight, .highlight-code code").first.inner_text()
    return int(status), json.loads(shown)


def test_docs_page_shows_every_operation_and_begins_with_sessions(docs: Page) -> None:
    expect(docs.locator(".opblock")).to_have_count(len(OPERATIONS))

    for operation in OPERATIONS:
        expect(docs.locator(f'[id$="-{operation["operationId"]}"].opblock')).to_be_visible()
    for heading in ("Shop", "Introduction", "Authentication", "Errors"):
        expect(docs.get_by_role("heading", name=re.compile(f"^{heading}"))).to_be_visible()
    tags = docs.locator(".opblock-tag").evaluate_all("all => all.map(it => it.dataset.tag)")
    assert tags[:4] == ["sessions", "users", "products", "orders"]
    assert tags[-1] == "operations"
    first = docs.locator(".opblock").first
    assert first.get_attribute("id") == "operations-sessions-createSession"


def test_page_follows_the_color_scheme_and_is_accessible_in_both(docs: Page) -> None:
    for name in ("createSession", "listProducts"):
        operation = docs.locator(f'[id$="-{name}"].opblock')
        operation.locator(".opblock-summary-control").click()
        operation.get_by_role("button", name="Try it out").click()
    call(docs, "listProducts")
    backgrounds = set()
    for scheme in SCHEMES:
        docs.emulate_media(color_scheme=scheme)
        expect(docs.locator("html")).to_have_class("dark-mode" if scheme == "dark" else "")
        backgrounds.add(docs.evaluate("getComputedStyle(document.body).backgroundColor"))

        assert accessibility_faults(docs, *PARTS) == []
    assert len(backgrounds) == 2


def test_headers_of_responses_open_on_a_click(docs: Page) -> None:
    operation = docs.locator('[id$="-placeOrder"].opblock')
    operation.locator(".opblock-summary-control").click()
    responses = operation.locator(".responses-table .response")
    expect(responses.first).to_be_visible()
    name = operation.get_by_role("cell", name="X-Request-Id", exact=True)

    expect(responses).to_have_count(12)
    expect(operation.locator("summary")).to_have_text(["Headers"] * 12)
    for number in range(12):
        expect(name.nth(number)).to_be_hidden()

    responses.nth(3).locator("summary").click()

    expect(responses.nth(3).get_by_role("cell", name="X-Request-Id", exact=True)).to_be_visible()


def test_root_redirects_to_the_docs_page(page: Page, url: str) -> None:
    page.goto(url)

    expect(page).to_have_url(f"{url}/docs")
    expect(page.get_by_role("button", name="Log in", exact=True)).to_be_enabled()


def test_anonymous_visitor_reads_products(shop: Shop, docs: Page) -> None:
    product = shop.product()

    status, shown = call(docs, "listProducts")

    assert status == 200
    assert product["id"] in [it["id"] for it in shown["data"]]


def test_logged_in_visitor_places_an_order(shop: Shop, docs: Page) -> None:
    ada, product = shop.sign_up(), shop.product(stock=5)
    log_in(docs, ada.email)
    expect(login_message(docs)).to_contain_text(f"Logged in as {ada.email} until ")

    lines = {"items": [{"productId": product["id"], "quantity": 2}]}
    status, placed = call(docs, "placeOrder", lines, userId="me", **{"Idempotency-Key": "two"})

    assert status == 201
    assert shop.stock(product) == 3
    (order,) = ada.http.get("/api/users/me/orders").json()["data"]
    assert order["id"] == placed["id"]


def test_error_response_is_shown_with_its_code(shop: Shop, docs: Page) -> None:
    log_in(docs, shop.sign_up().email)
    expect(login_message(docs)).to_contain_text("Logged in")

    status, shown = call(docs, "createProduct", new_product())

    assert (status, shown["error"]["code"]) == (403, "FORBIDDEN")


def test_visitor_is_logged_out_initially(docs: Page) -> None:
    status, shown = call(docs, "getUser", userId="me")

    assert (status, shown["error"]["code"]) == (401, "UNAUTHORIZED")


def test_wrong_password_is_reported_and_starts_no_session(shop: Shop, docs: Page) -> None:
    log_in(docs, shop.sign_up().email, "no such password")

    expect(login_message(docs)).to_have_text("Incorrect email or password.")
    expect(docs.get_by_role("button", name="Log in", exact=True)).to_be_enabled()
    expect(docs.get_by_role("button", name="Log out", exact=True)).to_be_hidden()


def sessions(person: Person) -> int:
    return len(person.http.get("/api/sessions").json()["data"])


def test_logout_ends_the_session_and_removes_the_token(shop: Shop, docs: Page) -> None:
    ada = shop.sign_up()
    log_in(docs, ada.email)
    assert call(docs, "getUser", userId="me")[0] == 200
    assert sessions(ada) == 2

    docs.get_by_role("button", name="Log out", exact=True).click()

    expect(login_message(docs)).to_have_text("Logged out.")
    assert sessions(ada) == 1
    assert call(docs, "getUser", userId="me")[0] == 401


def test_tokens_are_kept_in_memory_only(shop: Shop, docs: Page, url: str) -> None:
    log_in(docs, shop.sign_up().email)
    expect(login_message(docs)).to_contain_text("Logged in")
    assert call(docs, "getUser", userId="me")[0] == 200

    kept = docs.evaluate(
        "async () => [localStorage.length, sessionStorage.length, document.cookie,"
        " location.search, (await indexedDB.databases()).length]"
    )
    docs.goto("about:blank")
    docs.goto(f"{url}/docs")
    expect(docs.get_by_role("button", name="Log in", exact=True)).to_be_enabled()

    assert kept == [0, 0, "", "", 0]
    expect(docs.get_by_label("Password", exact=True)).to_have_value("")
    assert call(docs, "getUser", userId="me")[0] == 401


def open_dialog(docs: Page, scheme: str) -> Locator:
    """Open the dialog of all logins; return the part of this one."""
    docs.get_by_role("button", name="Authorize", exact=True).click()
    return docs.locator(".auth-container").filter(has_text=scheme)


def paste(docs: Page, token: str) -> None:
    dialog = open_dialog(docs, "accessToken (http, Bearer)")
    dialog.locator("input").fill(token)
    dialog.get_by_role("button", name="Apply credentials").click()
    dialog.get_by_role("button", name="Close").click()


def test_token_can_be_pasted(shop: Shop, docs: Page) -> None:
    ada = shop.sign_up()
    paste(docs, ada.grant["accessToken"])

    status, shown = call(docs, "getUser", userId="me")

    assert (status, shown["email"]) == (200, ada.email)


def test_page_is_usable_by_keyboard(shop: Shop, docs: Page) -> None:
    ada = shop.sign_up()
    keyboard = docs.keyboard

    keyboard.press("Tab")
    expect(docs.get_by_label("Email", exact=True)).to_be_focused()
    keyboard.type(ada.email)
    keyboard.press("Tab")
    expect(docs.get_by_label("Password", exact=True)).to_be_focused()
    keyboard.type(PASSWORD)
    keyboard.press("Enter")
    expect(login_message(docs)).to_contain_text("Logged in")
    expect(docs.get_by_role("button", name="Log out", exact=True)).to_be_focused()
    keyboard.press("Enter")

    expect(login_message(docs)).to_have_text("Logged out.")
    expect(docs.get_by_label("Email", exact=True)).to_be_focused()


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
def test_page_fits_the_window(docs: Page, size: dict[str, int]) -> None:
    docs.set_viewport_size({"width": size["width"], "height": size["height"]})
    for name in ("Email", "Password"):
        expect(docs.get_by_label(name, exact=True)).to_be_in_viewport(ratio=1)

    call(docs, "listProducts")

    assert docs.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


def test_page_works_below_a_stage(shop: Shop, page: Page, url: str) -> None:
    page.goto(f"{serve_below_stage(shop, page, url)}/docs")
    expect(page.get_by_role("button", name="Log in", exact=True)).to_be_enabled()
    ada = shop.sign_up()

    log_in(page, ada.email)
    expect(login_message(page)).to_contain_text("Logged in")

    assert call(page, "getUser", userId="me")[1]["email"] == ada.email


def docs_client(shop: Shop, url: str) -> str:
    """Register the page at this URL as a public client; return its id."""
    client = shop.oauth_client(
        type="public",
        redirectUris=[f"{url}/docs/oauth2-redirect.html"],
        grantTypes=["authorization_code"],
        scopes=["openid", "orders:read"],
    )
    return str(client["id"])


def begin_login(docs: Page) -> tuple[Locator, Page]:
    """Ask for the scope of orders; return the dialog, and the window that it opens."""
    dialog = docs.locator(".auth-container").filter(has_text="authorizationCode with PKCE")
    expect(dialog.locator("input[type=password]")).to_be_hidden()
    dialog.get_by_text("orders:read", exact=True).click()
    with docs.expect_popup() as opened:
        dialog.get_by_role("button", name="Apply given OAuth2 credentials").click()
    return dialog, opened.value


def test_login_as_an_application_calls_the_api_with_its_token(shop: Shop, page: Page) -> None:
    ada, product = shop.sign_up(), shop.product()
    ada.order((product["id"], 1)).raise_for_status()
    page.goto(f"{shop.url}/docs")
    open_dialog(page, "authorizationCode").get_by_label("client_id:").fill(
        docs_client(shop, shop.url)
    )
    dialog, window = begin_login(page)
    sign_in(window, ada)

    with page.expect_response("**/oauth/token") as response, window.expect_event("close"):
        allow_button(window).click()

    expect(dialog.get_by_role("heading", name="Authorized")).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    status, shown = call(page, "listOrders", userId="me")
    assert (status, len(shown["data"])) == (200, 1)
    # Swagger UI sends the token only where the document has a scope.
    assert call(page, "listSessions")[0] == 401
    paste(page, response.value.json()["access_token"])
    status, shown = call(page, "listSessions")
    assert (status, shown["error"]["code"]) == (403, "INSUFFICIENT_SCOPE")
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0


def test_login_as_an_application_works_below_a_stage(shop: Shop, page: Page) -> None:
    url = serve_below_stage(shop, page, shop.url)
    page.goto(f"{url}/docs?client_id={docs_client(shop, url)}")
    open_dialog(page, "authorizationCode")
    dialog, window = begin_login(page)
    assert window.url.startswith(f"{url}/oauth/authorize?")
    sign_in(window, shop.sign_up())

    with window.expect_event("close"):
        allow_button(window).click()

    expect(dialog.get_by_role("heading", name="Authorized")).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    assert call(page, "listOrders", userId="me")[0] == 200


def test_refused_login_as_an_application_is_reported(shop: Shop, page: Page) -> None:
    page.goto(f"{shop.url}/docs?client_id={docs_client(shop, shop.url)}")
    open_dialog(page, "authorizationCode")
    dialog, window = begin_login(page)
    sign_in(window, shop.sign_up())

    with window.expect_event("close"):
        refuse_button(window).click()

    expect(dialog).to_contain_text("The user did not allow it.")
    expect(dialog.get_by_role("heading", name="Authorized")).to_be_hidden()


def test_response_to_another_login_is_rejected(shop: Shop, page: Page) -> None:
    page.goto(f"{shop.url}/docs?client_id={docs_client(shop, shop.url)}")
    open_dialog(page, "authorizationCode")
    dialog, window = begin_login(page)
    forged = f"{shop.url}/docs/oauth2-redirect.html?code=shop_ac_x&state=another"

    with window.expect_event("close"):
        window.evaluate("url => { location = url }", forged)

    expect(dialog).to_contain_text("The response belongs to another request.")


def test_redirect_page_without_a_login_does_nothing(shop: Shop, page: Page) -> None:
    page.goto(f"{shop.url}/docs/oauth2-redirect.html?code=shop_ac_x&state=another")

    expect(page.locator("body")).to_have_text("You can close this window.")


def test_examples_of_graphql_are_executed(shop: Shop, docs: Page) -> None:
    person = shop.sign_up()
    log_in(docs, person.email)
    expect(login_message(docs)).to_contain_text("Logged in as")
    operation = docs.locator('[id$="-executeGraphQl"].opblock')

    status, orders = call(docs, "executeGraphQl")
    assert (status, orders["data"]["me"]["orders"]["nodes"]) == (200, [])
    operation.locator(".examples-select select").first.select_option(label="List products by price")
    status, products = call(docs, "executeGraphQl")
    assert (status, products.keys()) == (200, {"data"})
    operation.locator(".examples-select select").first.select_option(label="Place an order")
    status, order = call(docs, "executeGraphQl")
    (error,) = order["data"]["placeOrder"]["userErrors"]
    assert (status, error["code"]) == (200, "PRODUCT_UNAVAILABLE")
