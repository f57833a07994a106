"""The local cloud's mailbox in a browser, with a malicious email."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Dialog, Page

from tests.support.deployed_shop import Shop
from tools.local_cloud.mailbox import PAGE_PATH

HOSTILE = (
    "<script>document.title = 'run'; parent.document.title = 'run'; alert(1)</script>"
    "<img src='https://evil.example/pixel' onerror='alert(2)'>"
    "<form action='https://evil.example/' id='f'></form><script>f.submit()</script>"
    "<meta http-equiv='refresh' content='0; url=https://evil.example/moved'>"
    "<p>Hello</p>"
)


@pytest.fixture
def visited(chromium: Browser) -> Iterator[Page]:
    """A page that may log errors: blocked attacks appear in its console."""
    page = chromium.new_page()
    page.set_default_timeout(15_000)
    yield page
    page.close()


def test_mailbox_page_renders_a_hostile_email_without_running_it(shop: Shop, visited: Page) -> None:
    to = f"ada.{uuid4().hex[:8]}@example.com"
    link = f"{shop.url}/health"
    html = f'{HOSTILE}<p><a href="{link}">Confirm</a></p>'
    shop.stack.client("sesv2").send_email(
        FromEmailAddress="shop@example.com",
        Destination={"ToAddresses": [to]},
        Content={
            "Simple": {
                "Subject": {"Data": "</title><script>alert(3)</script>"},
                "Body": {"Html": {"Data": html}, "Text": {"Data": HOSTILE}},
            }
        },
    )
    dialogs: list[str] = []

    def on_dialog(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    visited.on("dialog", on_dialog)
    reached: list[str] = []
    visited.on("requestfinished", lambda request: reached.append(request.url))

    visited.goto(f"{shop.stack.emulator.endpoint}{PAGE_PATH}?to={to}")
    email = visited.frame_locator("iframe")
    email.get_by_text("Hello").wait_for()
    with visited.expect_popup() as opened:
        email.get_by_role("link", name="Confirm").click()
    opened.value.wait_for_load_state()

    assert visited.title() == "Mailbox (1)"
    assert visited.get_by_role("heading", level=2).inner_text() == (
        "</title><script>alert(3)</script>"
    )
    assert email.get_by_text("Hello").is_visible()
    assert opened.value.url == link and '"ok"' in opened.value.content()
    assert opened.value.evaluate("window.opener") is None
    listed = visited.get_by_role("listitem").get_by_role("link", name="Confirm")
    assert listed.get_attribute("href") == link
    assert dialogs == []
    assert not any("evil.example" in url for url in reached)
