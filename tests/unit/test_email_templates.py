"""Email templates: equal text and HTML, without content that a stranger could misuse."""

from decimal import Decimal

import pytest

from shop.mail import templates
from shop.money import Money
from shop.orders.models import Order, OrderLine, OrderStatus
from tests.support.fixtures import ALICE, NOON


def test_user_input_is_escaped_in_html() -> None:
    message = templates.password_changed('<script> "x" & co')

    assert 'Hello <script> "x" & co,' in message.text
    assert "Hello &lt;script&gt; &quot;x&quot; &amp; co," in message.html
    assert "<script" not in message.html


@pytest.mark.parametrize(
    "name",
    ["Win at https://evil.example", "evil.example", "a@evil.example", "WWW evil", "evil:8080"],
)
def test_name_resembling_a_link_is_omitted(name: str) -> None:
    message = templates.welcome(name, None)

    assert "Hello,\n" in message.text
    assert "evil" not in (message.text + message.html).lower()


def test_ordinary_name_is_greeted() -> None:
    for name in ("Ada Lovelace", "J. R. Ewing", "Seán O'Casey", "李小龍", "Martin Luther King Jr."):
        assert f"Hello {name}," in templates.welcome(name, None).text


def test_missing_name_is_omitted() -> None:
    assert "Hello,\n" in templates.welcome(None, None).text
    assert "<p>Hello,</p>" in templates.welcome(None, None).html


def test_link_is_in_text_and_html_and_cannot_leave_its_attribute() -> None:
    message = templates.reset("Ada", 'https://shop.example/r#reset=a"b&c')

    assert 'https://shop.example/r#reset=a"b&c' in message.text
    assert 'href="https://shop.example/r#reset=a&quot;b&amp;c"' in message.html


def test_order_is_a_table_with_its_total() -> None:
    price = Money(Decimal("4.90"), "EUR")
    line = OrderLine("p", "PEAR", "Pear", price, 2, 2)
    order = Order(
        "the id", ALICE.id, OrderStatus.PENDING, price.times(2), [line], None, NOON, NOON, 1
    )

    message = templates.order_placed("Ada", order)

    assert [text.split() for text in message.text.splitlines() if "9.80" in text] == [
        ["2", "×", "Pear", "9.80"],
        ["Total", "9.80", "EUR"],
    ]
    assert message.html.count("<tr>") == 2
    assert "{" not in message.html


@pytest.mark.parametrize("is_gone", [False, True])
def test_email_about_a_webhook_endpoint_states_host_reason_and_remedy(is_gone: bool) -> None:
    message = templates.webhook_disabled("Ada", "hooks.example.com", is_gone)

    for text in (message.text, message.html):
        assert "hooks.example.com" in text and "activate the endpoint" in text
        assert ("status 410" in text) is is_gone
        assert ("72 hours" in text) is not is_gone
    assert "href" not in message.html
