"""Properties of money that hold for every amount."""

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shop.money import Money, amount_to_text
from shop.money_fields import Amount

AMOUNT: TypeAdapter[Decimal] = TypeAdapter(Amount)
MAX_CENTS = 99_999_999_99

cents_ = st.integers(0, MAX_CENTS)
# Random text rarely resembles an amount; this does.
near_misses = st.text("0123456789.,+-eE_ \n٣", max_size=14)


def written(cents: int) -> str:
    """Return an amount by integer arithmetic alone."""
    return f"{cents // 100}.{cents % 100:02d}"


def money(cents: int) -> Money:
    return Money(Decimal(cents) / 100, "EUR")


def is_amount(text: str) -> bool:
    """Return whether the text is the canonical form of a number of cents."""
    digits = text.replace(".", "", 1)
    if not (digits.isascii() and digits.isdigit()):
        return False
    return int(digits) <= MAX_CENTS and written(int(digits)) == text


@given(cents_)
@example(MAX_CENTS)
def test_every_amount_round_trips(cents: int) -> None:
    text = written(cents)

    amount = AMOUNT.validate_json(f'"{text}"')

    assert amount * 100 == cents
    assert amount_to_text(amount) == text


@given(st.text() | near_misses)
@example("100000000.00")
@example("1.00\n")
@example("٣.٠٠")
def test_text_is_an_amount_only_in_the_format_of_cents(text: str) -> None:
    if is_amount(text):
        assert amount_to_text(AMOUNT.validate_python(text)) == text
    else:
        with pytest.raises(ValidationError):
            AMOUNT.validate_python(text)


@given(cents_, st.text("0123456789. ", min_size=1, max_size=3), st.integers(0, 14))
def test_text_with_other_characters_is_another_amount_or_none(
    cents: int, more: str, at: int
) -> None:
    text = written(cents)
    changed = text[:at] + more + text[at:]

    if is_amount(changed):
        assert amount_to_text(AMOUNT.validate_python(changed)) == changed
    else:
        with pytest.raises(ValidationError):
            AMOUNT.validate_python(changed)


@given(st.floats() | st.integers() | st.booleans() | st.none() | st.lists(st.just("1.00")))
def test_non_text_is_not_an_amount(value: object) -> None:
    with pytest.raises(ValidationError):
        AMOUNT.validate_python(value)


@given(st.lists(cents_, min_size=1, max_size=60))
@example([MAX_CENTS])
@example([MAX_CENTS, 1])
@example([10] * 50)
def test_total_is_the_sum_of_cents_or_rejected(parts: list[int]) -> None:
    cents = sum(parts)

    if cents > MAX_CENTS:
        with pytest.raises(OverflowError):
            Money.total(map(money, parts))
    else:
        assert amount_to_text(Money.total(map(money, parts)).amount) == written(cents)


@given(cents_, st.integers(1, 999))
@example(MAX_CENTS, 999)
def test_quantity_times_price_is_exact(cents: int, quantity: int) -> None:
    assert money(cents).times(quantity).amount * 100 == cents * quantity
    assert money(cents).times(quantity).currency == "EUR"


@given(st.lists(st.tuples(cents_, st.sampled_from(["EUR", "USD"])), min_size=1))
def test_currencies_never_mix(parts: list[tuple[int, str]]) -> None:
    priced = [Money(Decimal(cents) / 100, currency) for cents, currency in parts]

    if len({currency for _, currency in parts}) > 1:
        with pytest.raises(ValueError, match="currencies differ"):
            Money.total(priced)
