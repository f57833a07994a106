"""Mailbox: emails sent in the local cloud, by API and as a page."""

from html.parser import HTMLParser
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from botocore.exceptions import ClientError

from tools.local_cloud.mailbox import PAGE_PATH, Mailbox
from tools.local_cloud.stack import LocalStack


def send(
    stack: LocalStack,
    to: str,
    sender: str = "shop@example.com",
    subject: str = "Your order",
    text: str = "It is on its way.",
    html: str | None = "<p>It is.</p>",
) -> None:
    body: dict[str, Any] = {"Text": {"Data": text}}
    if html is not None:
        body["Html"] = {"Data": html}
    stack.client("sesv2").send_email(
        FromEmailAddress=sender,
        Destination={"ToAddresses": [to]},
        Content={"Simple": {"Subject": {"Data": subject}, "Body": body}},
    )


def open_page(stack: LocalStack, to: str) -> tuple[httpx2.Response, "Elements"]:
    response = httpx2.get(
        stack.emulator.endpoint + PAGE_PATH, params={"to": to}, trust_env=False, timeout=30
    )
    elements = Elements()
    elements.feed(response.text)
    return response, elements


class Elements(HTMLParser):
    """The elements and the text of a parsed page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]

    def links(self) -> list[str | None]:
        """Return the targets of links out of the page."""
        return [it["href"] for it in self.all("a") if it.get("target") == "_blank"]


def test_email_of_a_declared_sender_is_in_the_mailbox(stack: LocalStack) -> None:
    ada = f"ada.{uuid4().hex[:8]}@example.com"
    send(stack, ada)
    send(stack, "grace@example.com")

    [message] = Mailbox(stack.emulator.endpoint).messages(ada)

    assert (message.sender, message.to) == ("shop@example.com", (ada,))
    assert (message.subject, message.text) == ("Your order", "It is on its way.")
    assert message.html == "<p>It is.</p>"


def test_email_of_an_undeclared_sender_is_rejected(stack: LocalStack) -> None:
    with pytest.raises(ClientError, match="not verified"):
        send(stack, "ada@example.com", sender="stranger@example.org")


def test_mailbox_page_shows_sender_subject_rendered_email_and_links(stack: LocalStack) -> None:
    ada = f"ada+{uuid4().hex[:8]}@example.com"
    html = '<p>Hello</p><a href="https://shop.example/a?b=1&amp;c=2">Confirm <b>it</b></a>'
    text = "Hello. Confirm: https://shop.example/a?b=1&c=2 or https://shop.example/d."
    send(stack, ada, html=html, text=text)
    send(stack, "grace@example.com", subject="Another's")

    response, page = open_page(stack, ada)

    assert (response.status_code, response.headers["Content-Type"]) == (
        200,
        "text/html; charset=utf-8",
    )
    for shown in ("shop@example.com", ada, "Your order", "1 email to", "Confirm it", text):
        assert shown in page.text
    assert "Another's" not in page.text
    [frame] = page.all("iframe")
    assert frame["srcdoc"] == "<base target=_blank>" + html
    assert page.links() == ["https://shop.example/a?b=1&c=2", "https://shop.example/d"]


def test_mailbox_page_lists_the_newest_email_first(stack: LocalStack) -> None:
    ada = f"ada.{uuid4().hex[:8]}@example.com"
    for number in range(52):
        send(stack, ada, subject=f"Number {number}.", html=None, text="")

    _, page = open_page(stack, ada)

    assert "52 emails" in page.text and "the newest 50" in page.text
    assert "Number 2." in page.text and "Number 1." not in page.text
    assert page.text.index("Number 51.") < page.text.index("Number 50.")


def test_mailbox_page_escapes_emails(stack: LocalStack) -> None:
    hostile = "</pre></iframe>\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
    ada = f"ada.{uuid4().hex[:8]}@example.com"
    html = hostile + '<a href="javascript:alert(1)">x</a><a href="https://a.example/&quot;>">y</a>'
    send(stack, ada, subject=hostile, text=hostile + " https://b.example/?<script>", html=html)

    response, page = open_page(stack, ada)
    _, for_hostile_address = open_page(stack, hostile)

    # Emails add no elements: they are text, or an attribute of a frame.
    for tags in (page, for_hostile_address):
        assert {tag for tag, _ in tags.found} <= {
            *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "a", "article"),
            *("dl", "dt", "dd", "iframe", "ul", "li", "details", "summary", "pre"),
        }
        assert not any(name.startswith("on") for _, it in tags.found for name in it)
    [frame] = page.all("iframe")
    assert frame["srcdoc"] == "<base target=_blank>" + html
    assert frame["sandbox"] == "allow-popups allow-popups-to-escape-sandbox"
    assert page.links() == ["https://b.example/"]
    policy = response.headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "base-uri 'none'", "form-action 'none'"} <= set(policy)
    assert not any(it.startswith("script-src") for it in policy)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
