"""Every email address has one canonical form."""

import pytest

from shop.email_addresses import canonical_email


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("ada@example.com", "ada@example.com"),
        ("  Ada@EXAMPLE.com \n", "ada@example.com"),
        ("ada+shop@example.com", "ada+shop@example.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@ｅｘａｍｐｌｅ.com", "ada@example.com"),
    ],
)
def test_spellings_of_an_address_have_one_canonical_form(written: str, kept: str) -> None:
    assert canonical_email(written) == kept
    assert canonical_email(kept) == kept


@pytest.mark.parametrize(
    "written",
    [
        "",
        "ada",
        " " * 300 + "ada@example.com" + " " * 6,  # 321 characters
        "@example.com",
        "ada@",
        "ada@@example.com",
        "ada@example",
        "ada @example.com",
        "ädä@example.com",
        "ada@exa mple.com",
        "Ada <ada@example.com>",
        "ada@[127.0.0.1]",
        "ada@example..com",
        "ada\0@example.com",
        f"{'a' * 65}@example.com",
        f"ada@{'x' * 60}.{'y' * 60}.{'z' * 60}.{'w' * 60}.example.com",
    ],
)
def test_malformed_address_is_rejected(written: str) -> None:
    with pytest.raises(ValueError, match="."):
        canonical_email(written)
