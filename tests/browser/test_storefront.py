"""The storefront in a browser: sign-up, orders with lost responses, history and OAuth."""

import json
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.accessibility import accessibility_faults
from tests.browser.conftest import Expected
from tests.browser.sign_in import allow_button, refuse_button, sign_in
from tests.browser.storefront import Storefront
from tests.support.deployed_shop import Person, Shop, new_email
from tests.support.fixtures import PASSWORD

type Json = dict[str, Any]


@pytest.fixture
def tea(shop: Shop) -> Json:
    """A product that the catalogue shows among the first: it sorts by name."""
    return shop.product(name=f"0 Tea {uuid4().hex[:8]}", price="7.90", stock=10)


@pytest.fixture
def visitor(shop: Shop, storefront: Storefront, tea: Json, page: Page, expected: Expected) -> Page:
    expected.apis.add(urlsplit(shop.url).netloc)
    page.goto(storefront.url)
    expect(page.get_by_role("heading", name="Catalogue")).to_be_visible()
    return page


def log_in(page: Page, person: Person) -> None:
    page.get_by_role("link", name="Log in").click()
    form = page.get_by_role("form", name="Log in")
    form.get_by_label("Email").fill(person.email)
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def add(page: Page, product: Json, quantity: int) -> None:
    for _ in range(quantity):
        page.get_by_role("button", name=f"Add {product['name']}").click()


def press_order(page: Page) -> None:
    page.get_by_role("button", name="Order", exact=True).click()


def message_of(page: Page, text: str) -> None:
    expect(page.get_by_role("status")).to_contain_text(text)


def orders_of(person: Person) -> list[Json]:
    orders: list[Json] = person.http.get("/api/users/me/orders").json()["data"]
    return orders


def lose_responses(page: Page, expected: Expected) -> list[str]:
    """Let orders of this page reach the API, and lose the responses; return the keys sent."""
    expected.messages.add("net::ERR_FAILED")
    keys: list[str] = []

    def lose(route: Route) -> None:
        if route.request.method == "POST":
            keys.append(route.request.headers["idempotency-key"])
            route.fetch()
            route.abort()
        else:
            route.fallback()

    page.route("**/orders", lose)
    return keys


def test_new_customer_buys_and_cancels(shop: Shop, visitor: Page, tea: Json) -> None:
    email = new_email()
    faults: list[str] = []
    add(visitor, tea, 1)
    visitor.get_by_label(f"Quantity of {tea['name']}").fill("2")
    faults += accessibility_faults(visitor)
    visitor.get_by_role("button", name="Log in to order").click()
    form = visitor.get_by_role("form", name="Sign up")
    form.get_by_label("Name").fill("Ada Lovelace")
    form.get_by_label("Email").fill(email)
    form.get_by_label("Password").fill(PASSWORD)
    faults += accessibility_faults(visitor)
    form.get_by_role("button", name="Sign up").click()
    message_of(visitor, "Welcome, Ada Lovelace.")
    press_order(visitor)
    message_of(visitor, "Thank you! You ordered for €15.80.")

    ada = shop.log_in(email)
    (order,) = orders_of(ada)
    assert (order["total"], order["items"][0]["quantity"]) == ("15.80", 2)
    assert shop.stock(tea) == 8
    visitor.emulate_media(color_scheme="dark")
    faults += accessibility_faults(visitor)
    visitor.get_by_role("button", name="Cancel this order").click()
    message_of(visitor, "The order is cancelled.")

    expect(visitor.get_by_role("heading", name="cancelled")).to_be_visible()
    assert [it["status"] for it in orders_of(ada)] == ["cancelled"]
    assert shop.stock(tea) == 10
    assert faults == []


def test_lost_responses_and_a_reload_make_one_order(
    shop: Shop, visitor: Page, tea: Json, expected: Expected
) -> None:
    ada = shop.sign_up()
    log_in(visitor, ada)
    add(visitor, tea, 3)
    keys = lose_responses(visitor, expected)
    press_order(visitor)
    message_of(visitor, "Your order is kept")
    visitor.unroute("**/orders")
    visitor.reload()

    message_of(visitor, "Thank you!")
    (order,) = orders_of(ada)
    assert order["items"][0]["quantity"] == 3
    assert shop.stock(tea) == 7
    assert len(keys) > 1 and len(set(keys)) == 1


def test_second_tab_completes_the_order_of_the_first(
    shop: Shop, visitor: Page, tea: Json, expected: Expected, storefront: Storefront
) -> None:
    ada = shop.sign_up()
    log_in(visitor, ada)
    add(visitor, tea, 1)
    second = visitor.context.new_page()
    second.goto(storefront.url)
    expect(second.get_by_role("button", name="Log out")).to_be_visible()
    lose_responses(visitor, expected)
    press_order(visitor)
    # The second tab waits until the first one has no more attempts.
    press_order(second)

    message_of(visitor, "Your order is kept")
    message_of(second, "Thank you!")
    assert len(orders_of(ada)) == 1
    assert shop.stock(tea) == 9


def test_tabs_show_one_cart_and_order_what_they_show(
    shop: Shop, visitor: Page, tea: Json, storefront: Storefront
) -> None:
    ada = shop.sign_up()
    coffee = shop.product(name=f"0 Coffee {uuid4().hex[:8]}", price="5.00", stock=10)
    log_in(visitor, ada)
    add(visitor, tea, 1)
    second = visitor.context.new_page()
    second.goto(storefront.url)
    add(second, coffee, 2)
    expect(visitor.get_by_label(f"Quantity of {coffee['name']}")).to_have_value("2")
    expect(visitor.get_by_role("complementary")).to_contain_text("€17.90")
    press_order(visitor)
    message_of(visitor, "Thank you! You ordered for €17.90.")

    expect(second.get_by_text("It is empty.")).to_be_visible()
    (order,) = orders_of(ada)
    assert {it["productId"]: it["quantity"] for it in order["items"]} == {
        tea["id"]: 1,
        coffee["id"]: 2,
    }


def test_order_of_an_outdated_cart_is_stopped(shop: Shop, visitor: Page, tea: Json) -> None:
    ada = shop.sign_up()
    log_in(visitor, ada)
    add(visitor, tea, 1)
    # As if another tab had just written it: the event comes later.
    visitor.evaluate(
        """() => {
          const [line] = JSON.parse(localStorage.getItem("storefront.cart"));
          localStorage.setItem("storefront.cart", JSON.stringify([{ ...line, quantity: 4 }]));
        }"""
    )
    press_order(visitor)
    message_of(visitor, "Your cart was changed in another tab.")
    expect(visitor.get_by_label(f"Quantity of {tea['name']}")).to_have_value("4")
    assert orders_of(ada) == []
    press_order(visitor)

    message_of(visitor, "Thank you! You ordered for €31.60.")


def test_cart_of_two_currencies_is_refused(shop: Shop, visitor: Page, tea: Json) -> None:
    sake = shop.product(name=f"0 Sake {uuid4().hex[:8]}", price="500.00", currency="JPY", stock=1)
    visitor.reload()
    add(visitor, sake, 1)
    add(visitor, tea, 1)

    message_of(visitor, "An order has one currency. Your cart is in JPY")
    cart = visitor.get_by_role("complementary")
    expect(cart.locator(".total")).to_have_text("TotalJP¥500")
    expect(cart.get_by_label(f"Quantity of {tea['name']}")).to_have_count(0)
    cart.get_by_label(f"Quantity of {sake['name']}").fill("0")
    cart.get_by_label(f"Quantity of {sake['name']}").press("Tab")
    add(visitor, tea, 1)
    expect(cart.locator(".total")).to_have_text("Total€7.90")
    expect(visitor.get_by_role("status")).to_be_empty()


def test_header_counts_pieces_and_leads_to_the_cart_on_a_phone(visitor: Page, tea: Json) -> None:
    visitor.set_viewport_size({"width": 360, "height": 640})
    expect(visitor.get_by_role("link", name="Cart (0)")).to_be_in_viewport()
    add(visitor, tea, 2)
    link = visitor.get_by_role("link", name="Cart (2)")
    expect(link).to_be_in_viewport()
    link.click()

    heading = visitor.get_by_role("heading", name="Your cart")
    expect(heading).to_be_focused()
    expect(heading).to_be_in_viewport()
    below = "it => it.getBoundingClientRect().top >= document.querySelector('header').offsetHeight"
    assert heading.evaluate(below)
    assert visitor.evaluate("document.documentElement.scrollWidth") <= 360
    visitor.get_by_label(f"Quantity of {tea['name']}").fill("5")
    expect(visitor.get_by_role("link", name="Cart (5)")).to_be_visible()
    assert accessibility_faults(visitor) == []


def test_rejected_forms_stay_as_they_are(shop: Shop, visitor: Page) -> None:
    ada = shop.sign_up()
    visitor.get_by_role("link", name="Log in").click()
    entry = visitor.get_by_role("form", name="Log in")
    sign_up = visitor.get_by_role("form", name="Sign up")
    sign_up.get_by_label("Name").fill("Grace Hopper")
    sign_up.get_by_label("Email").fill(new_email())
    sign_up.get_by_label("Password").fill("short")
    sign_up.get_by_role("button").click()
    message_of(visitor, "password: Must be at least 8 characters.")
    entry.get_by_label("Email").fill(ada.email)
    expect(visitor.get_by_role("status")).to_be_empty()
    entry.get_by_label("Password").fill("wrong password")
    entry.get_by_role("button").click()

    message_of(visitor, "password")
    expect(entry.get_by_label("Email")).to_have_value(ada.email)
    expect(sign_up.get_by_label("Name")).to_have_value("Grace Hopper")
    entry.get_by_label("Password").fill(PASSWORD)
    entry.get_by_role("button").click()
    message_of(visitor, "Welcome, Ada Lovelace.")
    visitor.evaluate("location.hash = 'sign-in'")
    visitor.wait_for_url("**/#catalogue")
    expect(visitor.get_by_role("heading", name="Catalogue")).to_be_visible()


def test_unreachable_shop_is_reported_and_tried_again(visitor: Page, expected: Expected) -> None:
    expected.messages.add("net::ERR_FAILED")
    visitor.route("**/api/**", lambda route: route.abort())
    visitor.reload()
    expect(visitor.get_by_role("heading", name="This page could not be loaded")).to_be_visible()
    expect(visitor.get_by_text("The shop did not answer.")).to_be_visible()
    faults = accessibility_faults(visitor)
    visitor.unroute("**/api/**")
    visitor.get_by_role("button", name="Try again").click()

    expect(visitor.get_by_role("heading", name="Catalogue")).to_be_visible()
    assert faults == []


def test_pictures_of_products_begin_at_the_top(shop: Shop, visitor: Page, tea: Json) -> None:
    shop.product(name=f"{tea['name']} in a tin, with a title that needs several lines")
    visitor.set_viewport_size({"width": 1280, "height": 800})
    visitor.reload()
    expect(visitor.get_by_role("heading", name="several lines")).to_be_visible()

    gaps = visitor.locator(".products li").evaluate_all(
        """all => all.map(it => it.querySelector("svg").getBoundingClientRect().top
          - it.getBoundingClientRect().top)"""
    )
    assert len(gaps) > 1 and max(gaps) < 2


def test_unfinished_order_stays_with_its_customer(
    shop: Shop, visitor: Page, tea: Json, expected: Expected
) -> None:
    ada, grace = shop.sign_up(), shop.sign_up(name="Grace Hopper")
    log_in(visitor, ada)
    add(visitor, tea, 1)
    lose_responses(visitor, expected)
    press_order(visitor)
    message_of(visitor, "Your order is kept")
    visitor.unroute("**/orders")
    visitor.get_by_role("button", name="Log out").click()
    log_in(visitor, grace)
    message_of(visitor, "Welcome, Grace Hopper.")
    visitor.get_by_role("button", name="Log out").click()
    log_in(visitor, ada)

    message_of(visitor, "Thank you!")
    assert (len(orders_of(ada)), len(orders_of(grace))) == (1, 0)


def test_rejected_order_is_reported_and_can_be_changed(
    shop: Shop, visitor: Page, tea: Json
) -> None:
    ada = shop.sign_up()
    log_in(visitor, ada)
    add(visitor, tea, 1)
    quantity = visitor.get_by_label(f"Quantity of {tea['name']}")
    quantity.fill("1000")
    quantity.press("Tab")
    press_order(visitor)
    assert quantity.evaluate("it => it.validity.rangeOverflow")
    expect(visitor.locator(".total .amount")).to_be_empty()
    quantity.fill("11")
    quantity.press("Tab")
    press_order(visitor)
    message_of(visitor, "stock")
    assert orders_of(ada) == []

    quantity.fill("10")
    quantity.press("Tab")
    press_order(visitor)

    message_of(visitor, "Thank you! You ordered for €79.00.")
    assert shop.stock(tea) == 0


def test_customer_signs_in_by_oauth(
    shop: Shop, visitor: Page, tea: Json, storefront: Storefront
) -> None:
    ada = shop.sign_up()
    visitor.get_by_role("link", name="Log in").click()
    visitor.get_by_role("button", name="Sign in with Shop").click()
    sign_in(visitor, ada)
    allow_button(visitor).click()
    expect(visitor.get_by_role("button", name="Log out")).to_be_visible()
    assert "code" not in visitor.url
    stored = json.loads(visitor.evaluate("localStorage.getItem('storefront.tokens')"))
    add(visitor, tea, 1)
    press_order(visitor)
    message_of(visitor, "Thank you!")
    visitor.get_by_role("button", name="Log out").click()
    message_of(visitor, "You are logged out.")

    assert len(orders_of(ada)) == 1
    assert visitor.evaluate("localStorage.getItem('storefront.tokens')") is None
    form = {
        "grant_type": "refresh_token",
        "refresh_token": stored["refreshToken"],
        "client_id": storefront.client_id,
    }
    assert shop.anonymous.post("/oauth/token", data=form).json()["error"] == "invalid_grant"


def test_refused_sign_in_is_reported(shop: Shop, visitor: Page) -> None:
    visitor.get_by_role("link", name="Log in").click()
    visitor.get_by_role("button", name="Sign in with Shop").click()
    sign_in(visitor, shop.sign_up())
    refuse_button(visitor).click()

    message_of(visitor, "The sign-in was cancelled")
    expect(visitor.get_by_role("link", name="Log in")).to_be_visible()
