"""Sort keys: strings that sort like numbers and like texts for people."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from shop.dynamo.sort_keys import amount_key, shard_key, shard_keys, text_key

amounts = st.decimals("0.00", "99999999.99", places=2)


@given(amounts, amounts)
def test_amounts_sort_as_numbers_across_digits(one: Decimal, other: Decimal) -> None:
    assert (amount_key(one, "") < amount_key(other, "")) == (one < other)


@given(st.text(max_size=100))
def test_text_of_any_script_fits_a_sort_key(text: str) -> None:
    assert len(text_key(text, "i" * 36).encode()) <= 256 + 1 + 36


def test_texts_sort_without_regard_to_case_width_and_composition() -> None:
    assert text_key("STRASSE", "1") == text_key("straße", "1")
    assert text_key("ＰＥＡＲ", "1") == text_key("pear", "1")  # noqa: RUF001 (wide letters are meant)
    assert text_key("Zoe\u0301", "1") == text_key("ZO\u00c9", "1")


def test_text_sorts_before_its_longer_form() -> None:
    assert text_key("pear", "9") < text_key("pear tree", "1") < text_key("pears", "1")


def test_equal_texts_and_amounts_sort_by_id() -> None:
    assert text_key("pear", "1") < text_key("pear", "2")
    assert amount_key(Decimal("1.00"), "1") < amount_key(Decimal("1.00"), "2")


def test_items_are_spread_over_all_shards() -> None:
    found = {shard_key("pending", str(number)) for number in range(200)}

    assert found == set(shard_keys("pending")) == {f"pending#{shard}" for shard in range(4)}
