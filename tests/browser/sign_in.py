"""Steps on the page of GET /oauth/authorize."""

import re

from playwright.sync_api import Locator, Page

from tests.support.deployed_shop import Person
from tests.support.fixtures import PASSWORD


def sign_in(page: Page, person: Person, password: str = PASSWORD) -> None:
    page.get_by_label("Email").fill(person.email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def allow_button(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile("^Allow "))


def refuse_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Do not allow")
