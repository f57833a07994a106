"""GET /recovery in a browser: the links of emails."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from shop.identity.passwords import password_rules
from tests.browser.accessibility import accessibility_faults
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


def links_to(mail: Mail, person: Person, subject: str, count: int = 1) -> set[str]:
    """Wait for this number of emails, and return the link of each."""
    texts = [message.text for message in mail.to(person.email, subject, count)]
    return {link for text in texts for link in re.findall(r"^https?://\S+$", text, re.MULTILINE)}


def reset_link(shop: Shop, mail: Mail, person: Person) -> str:
    wish = shop.anonymous.post("/api/password-resets", json={"email": person.email})
    assert wish.status_code == 202
    (link,) = links_to(mail, person, RESET)
    return link


def status_of_log_in(shop: Shop, person: Person, password: str) -> int:
    body = {"email": person.email, "password": password}
    return shop.anonymous.post("/api/sessions", json=body).status_code


def test_welcome_link_verifies_the_address(shop: Shop, mail: Mail, page: Page) -> None:
    ada = shop.sign_up()

    page.goto(*links_to(mail, ada, WELCOME))
    expect(page).to_have_title("Confirm your email address – Shop")
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


def test_used_link_can_be_replaced_by_a_new_one(shop: Shop, mail: Mail, page: Page) -> None:
    ada = shop.sign_up()
    link = reset_link(shop, mail, ada)
    for _ in range(2):
        page.goto("about:blank")
        page.goto(link)
        page.get_by_label("New password").fill(NEW_PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text(re.compile("is set|already used"))
    page.get_by_label("Email of your account").fill(ada.email)
    page.get_by_role("button", name="Send a link").click()
    expect(page.get_by_role("status")).to_contain_text("the link is on its way")

    page.goto("about:blank")
    (new_link,) = links_to(mail, ada, RESET, count=2) - {link}
    page.goto(new_link)
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Set password").click()

    expect(page.get_by_role("status")).to_contain_text("Your password is set.")


def test_request_for_an_unknown_address_has_the_same_response(
    mail: Mail, page: Page, url: str
) -> None:
    page.goto(f"{url}/recovery")
    page.get_by_label("Email of your account").fill(f"{uuid4().hex}@example.com")
    page.get_by_role("button", name="Send a link").click()

    expect(page.get_by_role("status")).to_contain_text("If an account has this address")


def test_rules_are_shown_before_the_first_try(shop: Shop, mail: Mail, page: Page) -> None:
    page.goto(reset_link(shop, mail, shop.sign_up()))

    expect(page.get_by_role("listitem")).to_have_text(list(password_rules()))
    expect(page.get_by_label("New password")).to_have_accessible_description(
        " ".join(password_rules())
    )
    expect(page.get_by_role("banner")).to_have_text("Shop")


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
    assert accessibility_faults(page) == []
