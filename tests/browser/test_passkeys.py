"""Passkeys in Chromium: registered through the API, and used on the sign-in page."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Expected
from tests.browser.sign_in import allow_button, sign_in
from tests.browser.test_sign_in_page import (
    Application,
    application,
    arrival,
    exchange,
    link_to,
    session_ids,
)
from tests.browser.virtual_authenticator import VirtualAuthenticator
from tests.support.deployed_shop import Person, Shop, error_of

__all__ = ["application"]  # a fixture

type Json = dict[str, Any]

UNKNOWN = "This passkey is unknown or not valid here."
NOT_USED = "No passkey was used. Try again, or sign in with your password."


@pytest.fixture(scope="module")
def robot(shop: Shop) -> Json:
    return shop.oauth_client(
        type="public",
        redirectUris=["http://127.0.0.1/callback"],
        grantTypes=["authorization_code", "refresh_token"],
        scopes=["openid", "orders:read"],
    )


@pytest.fixture
def ada(shop: Shop) -> Person:
    return shop.sign_up()


@pytest.fixture
def link(shop: Shop, robot: Json, application: Application) -> str:
    """The page under the name to which passkeys are bound."""
    url = f"http://localhost:{urlsplit(shop.url).port}"
    return link_to(url, robot, f"{application.url}/callback")


@pytest.fixture
def device(page: Page, link: str) -> VirtualAuthenticator:
    device = VirtualAuthenticator(page)
    page.goto(link)
    return device


def passkey_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Use a passkey")


def test_passkey_signs_in_and_the_user_allows(
    shop: Shop,
    page: Page,
    application: Application,
    robot: Json,
    ada: Person,
    device: VirtualAuthenticator,
) -> None:
    device.register(ada)
    before = session_ids(ada)
    page.get_by_label("Email").fill("somebody.else@example.com")

    passkey_button(page).click()

    expect(page.locator("main")).to_contain_text(f"your account {ada.email}.")
    assert device.counters() == [2]  # one of the registration, one of the login
    allow_button(page).click()
    code = arrival(page, application)["code"]
    tokens = exchange(shop, robot, code, f"{application.url}/callback")
    userinfo = shop.client(tokens["access_token"]).get("/oauth/userinfo")
    assert userinfo.json()["sub"] == ada.id
    assert session_ids(ada) == before
    (listed,) = ada.http.get("/api/authenticators").json()["data"]
    assert (listed["kind"], listed["name"]) == ("passkey", "Ada's phone")
    assert listed["lastUsedAt"] > listed["createdAt"]


def test_same_assertion_is_rejected_the_second_time(
    shop: Shop, page: Page, ada: Person, device: VirtualAuthenticator
) -> None:
    device.register(ada)
    with page.expect_request("**/api/passkey-sessions") as sent:
        passkey_button(page).click()
    expect(allow_button(page)).to_be_visible()

    response = shop.anonymous.post("/api/passkey-sessions", json=sent.value.post_data_json)

    assert error_of(response) == (401, "INVALID_CREDENTIALS")
    assert len(session_ids(ada)) == 2  # of the sign-up and of the page


def test_deleted_passkey_is_rejected_and_the_password_works(
    page: Page, application: Application, ada: Person, device: VirtualAuthenticator
) -> None:
    added = device.register(ada)
    assert ada.http.delete(f"/api/authenticators/{added['id']}").status_code == 204

    passkey_button(page).click()

    expect(page.get_by_role("status")).to_have_text(UNKNOWN)
    expect(passkey_button(page)).to_be_focused()
    assert len(session_ids(ada)) == 1
    sign_in(page, ada)
    allow_button(page).click()
    assert "code" in arrival(page, application)


def test_user_without_a_passkey_can_try_the_password(
    page: Page, application: Application, ada: Person, device: VirtualAuthenticator
) -> None:
    passkey_button(page).click()

    expect(page.get_by_role("status")).to_have_text(NOT_USED)
    sign_in(page, ada)
    allow_button(page).click()
    assert "code" in arrival(page, application)


def test_user_who_fails_the_check_of_the_device_is_not_signed_in(
    page: Page, ada: Person, device: VirtualAuthenticator
) -> None:
    device.register(ada)
    device.verify_user(False)

    passkey_button(page).click()

    expect(page.get_by_role("status")).to_have_text(NOT_USED)
    assert len(session_ids(ada)) == 1
    device.verify_user(True)
    passkey_button(page).click()
    expect(allow_button(page)).to_be_visible()


def test_failure_after_the_login_is_reported_and_can_be_repeated(
    page: Page,
    application: Application,
    ada: Person,
    device: VirtualAuthenticator,
    expected: Expected,
) -> None:
    expected.messages.add("net::ERR_FAILED")
    device.register(ada)
    page.route("**/api/users/me", lambda route: route.abort())
    passkey_button(page).click()
    expect(page.get_by_role("status")).to_have_text("The shop is not reachable. Try again.")
    page.unroute("**/api/users/me")

    page.keyboard.press("Enter")

    expect(page.locator("main")).to_contain_text(f"your account {ada.email}.")
    allow_button(page).click()
    assert "code" in arrival(page, application)
    assert len(session_ids(ada)) == 1


def test_page_of_another_origin_has_no_button(
    shop: Shop, page: Page, robot: Json, application: Application
) -> None:
    page.goto(link_to(shop.url, robot, f"{application.url}/callback"))

    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(passkey_button(page)).to_be_hidden()
