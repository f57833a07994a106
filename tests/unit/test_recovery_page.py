"""The recovery page: its link to log in, and the rules of passwords."""

from shop.identity.passwords import MIN_CHARACTERS, password_rules, password_violation
from shop.identity.recovery.page import page_with_link


def test_page_links_to_the_page_where_customers_log_in() -> None:
    html = page_with_link("https://shop.example/?a=1&b=2").html

    assert '<a href="https://shop.example/?a=1&amp;b=2">Log in to the shop</a>' in html


def test_page_without_a_known_page_has_a_hint_and_no_link() -> None:
    html = page_with_link("").html

    assert "<a " not in html
    assert "You log in where you shop." in html


def test_page_lists_the_rules_that_the_api_enforces() -> None:
    html = page_with_link("").html

    assert all(f"<li>{rule}</li>" in html for rule in password_rules())
    assert f'minlength="{MIN_CHARACTERS}"' in html
    assert "@" not in html.split("<script>")[0]
    violations = ("short", "p" * 73, "password1")
    assert len({password_violation(it, is_email=False) for it in violations}) == len(violations)
