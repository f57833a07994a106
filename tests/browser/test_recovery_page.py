"""GET /recovery in a browser: the links of emails."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.deployed_shop import Person, Shop
from tests.support.fixtures import PASSWORD
from tests.support.recovery_tokens import reset_request_limits
from tests.support.sent_emails import RESET, WELCOME, Mail

NEW_PASSWORD = "wrong donkey charger paperclip"


@pytest.fixture
def mail(shop: Shop) -> Iterator[Mail]:
    reset_request_limits(shop)
    mail = Mail(shop)
    yield mail
    mail.wait_until_idle()


def link_to(mail: Mail, person: Person, subject: str) -> str:
    (message,) = mail.to(person.email, subject)
    (link,) = re.findall(r"^https?://\S+$", message.text, re.MULTILINE)
    return str(link)


def reset_link(shop: Shop, mail: Mail, person: Person) -> str:
    wish = shop.anonymous.post("/api/password-resets", json={"email": person.email})
    assert wish.status_code == 202
    return link_to(mail, person, RESET)


def status_of_log_in(shop: Shop, person: Person, password: str) -> int:
    body = {"email": person.email, "password": password}
    return shop.anonymous.post("/api/sessions", json=body).status_code


def test_welcome_link_verifies_the_address(shop: Shop, mail: Mail, page: Page) -> None:
    ada = shop.sign_up()

    page.goto(link_to(mail, ada, WELCOME))
    expect(page).to_have_title("Confirm your email address")
    # A mail scanner that opens links before the reader verifies nothing.
    assert not ada.http.get("/api/users/me").json()["emailVerified"]
    page.get_by_role("button", name="Confirm email address").click()

    expect(page.get_by_role("status")).to_have_text("Thank you. Your email address is confirmed.")
    assert ada.http.get("/api/users/me").json()["emailVerified"]


def test_reset_link_sets_the_password(shop: Shop, mail: Mail, page: Page) -> None:
    ada = shop.sign_up()

    page.goto(reset_link(shop, mail, ada))
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set password").click()

    expect(page.get_by_role("status")).to_contain_text("Your password is set.")
    assert status_of_log_in(shop, ada, NEW_PASSWORD) == 201
    assert status_of_log_in(shop, ada, PASSWORD) == 401


def test_token_leaves_the_address_bar_and_is_not_stored(shop: Shop, mail: Mail, page: Page) -> None:
    page.goto(reset_link(shop, mail, shop.sign_up()))
    expect(page.get_by_label("New password")).to_be_visible()

    assert page.evaluate("[location.hash, localStorage.length, sessionStorage.length]") == [
        "",
        0,
        0,
    ]
    page.reload()
    expect(page.get_by_role("status")).to_have_text("Open the link in your email to continue.")


def test_used_link_is_reported(shop: Shop, mail: Mail, page: Page) -> None:
    link = reset_link(shop, mail, shop.sign_up())
    for said in ("Your password is set.", "This link was already used"):
        page.goto("about:blank")
        page.goto(link)
        page.get_by_label("New password").fill(NEW_PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text(said)
    expect(page.get_by_label("New password")).to_be_hidden()


def test_weak_password_is_rejected_with_a_reason_and_the_link_stays_valid(
    shop: Shop, mail: Mail, page: Page
) -> None:
    page.goto(reset_link(shop, mail, shop.sign_up()))
    page.get_by_label("New password").fill("password1")
    page.get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text("Password: Must")

    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button").click()

    expect(page.get_by_role("status")).to_contain_text("Your password is set.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_fits_a_narrow_window(shop: Shop, mail: Mail, page: Page, scheme: str) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")

    page.goto(reset_link(shop, mail, shop.sign_up()))

    expect(page.get_by_label("New password")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
