"""Money: an exact Decimal(10,2) with its currency, never a binary float."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, PlainSerializer, PlainValidator, WithJsonSchema

from shop.schemas import violation

MAX_AMOUNT = Decimal("99999999.99")
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,7})\.[0-9]{2}")

# ISO 4217's list one as published on 2026-01-01, by the exponent of the minor unit. It omits funds
# of at most two decimals, metals and test codes. Only requests are checked, so that orders in a
# withdrawn currency stay readable.
_BY_EXPONENT = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
    CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD
    GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL
    MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN
    PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP
    SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_WITHOUT_DECIMALS, _WITH_TWO_DECIMALS, *_WITH_MORE_DECIMALS = (
    frozenset(codes.split()) for codes in _BY_EXPONENT.values()
)
CURRENCIES = _WITHOUT_DECIMALS | _WITH_TWO_DECIMALS


@dataclass(frozen=True)
class Money:
    """An amount of one currency, `0.00` to `99999999.99`."""

    amount: Decimal
    currency: str

    def __mul__(self, quantity: int) -> Self:
        return type(self)(self.amount * quantity, self.currency)

    @classmethod
    def total(cls, parts: Iterable[Self]) -> Self:
        """Return the sum of one or more parts.

        Raise `ValueError` if the currencies differ and `OverflowError` if the sum does not fit
        Decimal(10,2).
        """
        first, *others = parts
        if any(part.currency != first.currency for part in others):
            raise ValueError("the currencies differ")
        amount = first.amount + sum(part.amount for part in others)
        if amount > MAX_AMOUNT:
            raise OverflowError(f"{amount} is more than {MAX_AMOUNT}")
        return cls(amount, first.currency)


def amount_to_text(amount: Decimal) -> str:
    """Format with two decimals: `19.90`."""
    return f"{amount:.2f}"


def _amount_from_text(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str) or _AMOUNT.fullmatch(value) is None:
        message = 'Must be a string of digits with exactly two places, such as "19.90".'
        raise violation("value_error", message)
    return Decimal(value)


def _known_currency(code: str) -> str:
    for number, codes in zip(("three", "four"), _WITH_MORE_DECIMALS, strict=True):
        if code in codes:
            message = f"{code} is not offered: it has {number} decimals, and amounts have two."
            raise violation("currency_not_offered", message)
    if code not in CURRENCIES:
        raise violation("value_error", "Must be an ISO 4217 currency code, such as EUR.")
    return code


def amount_violation(amount: Decimal, currency: str) -> tuple[str, str] | None:
    """Return the error of an amount in this currency as (code, message), or None."""
    if currency in _WITHOUT_DECIMALS and amount % 1:
        return "amount_precision", f"Must end in .00: {currency} has no decimals."
    return None


# Money in JSON: the amount as a decimal string beside its currency.
Amount = Annotated[
    Decimal,
    PlainValidator(_amount_from_text),
    PlainSerializer(amount_to_text, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^{_AMOUNT.pattern}$",
            "maxLength": 11,
            "examples": ["19.90"],
        }
    ),
]
CurrencyRead = Annotated[
    str,
    WithJsonSchema(
        {"type": "string", "pattern": "^[A-Z]{3}$", "maxLength": 3, "examples": ["EUR"]}
    ),
]
Currency = Annotated[
    str,
    AfterValidator(_known_currency),
    WithJsonSchema({"type": "string", "enum": sorted(CURRENCIES), "examples": ["EUR"]}),
]
