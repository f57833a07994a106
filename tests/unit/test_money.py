"""Money is exact, strictly validated, and bounded."""

from decimal import Decimal

import pytest
from pydantic import TypeAdapter, ValidationError

from shop.money import CURRENCIES, Money, amount_violation
from shop.money_fields import Amount, Currency

AMOUNT: TypeAdapter[Decimal] = TypeAdapter(Amount)


def codes(rejection: ValidationError) -> set[str]:
    return {error["type"] for error in rejection.errors()}


@pytest.mark.parametrize("text", ["0.00", "0.10", "19.90", "99999999.99"])
def test_amount_is_returned_as_written(text: str) -> None:
    amount = AMOUNT.validate_json(f'"{text}"')

    assert AMOUNT.dump_json(amount) == f'"{text}"'.encode()


@pytest.mark.parametrize(
    "json",
    ["19.9", "19.90", "1990", "true", "null", "[]"]
    + [
        f'"{text}"'
        for text in (
            *("", "1", "1.9", "1.900", "01.00", ".50", "-1.00", "+1.00", " 1.00", "1.00\\n"),
            *("1,00", "1e2", "NaN", "Infinity", "100000000.00", "١.٠٠"),
        )
    ],
)
def test_malformed_amount_is_rejected(json: str) -> None:
    with pytest.raises(ValidationError):
        AMOUNT.validate_json(json)


def test_total_of_decimal_amounts_is_exact() -> None:
    dime = Money(Decimal("0.10"), "EUR")

    assert Money.total([dime] * 3) == Money(Decimal("0.30"), "EUR")
    assert dime.times(7) == Money(Decimal("0.70"), "EUR")


def test_total_of_two_currencies_is_rejected() -> None:
    with pytest.raises(ValueError, match="currencies differ"):
        Money.total([Money(Decimal(1), "EUR"), Money(Decimal(1), "USD")])


def test_total_out_of_range_is_rejected() -> None:
    largest = Money(Decimal("99999999.99"), "EUR")

    assert Money.total([largest]) == largest
    with pytest.raises(OverflowError):
        Money.total([largest, Money(Decimal("0.01"), "EUR")])


def test_only_iso_4217_currencies_are_accepted() -> None:
    currency: TypeAdapter[str] = TypeAdapter(Currency)

    assert currency.validate_python("EUR") == "EUR"
    assert len(CURRENCIES) == 148 and all(len(code) == 3 for code in CURRENCIES)
    for wrong in ("eur", "EURO", "XXX", "", "EU"):
        with pytest.raises(ValidationError) as rejection:
            currency.validate_python(wrong)
        assert codes(rejection.value) == {"value_error"}


@pytest.mark.parametrize(
    ("code", "number"),
    [
        *((code, "three") for code in ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")),
        *(("CLF", "four"), ("UYW", "four")),
    ],
)
def test_currencies_with_more_than_two_decimals_are_rejected(code: str, number: str) -> None:
    with pytest.raises(ValidationError) as rejection:
        TypeAdapter(Currency).validate_python(code)

    (error,) = rejection.value.errors()
    assert (error["type"], error["ctx"]["message"]) == (
        "currency_not_offered",
        f"{code} is not offered: it has {number} decimals, and amounts have two.",
    )


def test_currencies_without_decimals_take_whole_amounts_only() -> None:
    whole = {
        *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"),
        *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
    }

    for code in CURRENCIES:
        wrong = amount_violation(Decimal("100.50"), code)
        assert (wrong is not None) is (code in whole), code
        assert amount_violation(Decimal("100.00"), code) is None
    assert amount_violation(Decimal("0.01"), "JPY") == (
        "amount_precision",
        "Must end in .00: JPY has no decimals.",
    )
