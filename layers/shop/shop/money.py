"""Money: Decimal(10,2) with its currency, exact, never a binary float."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

LARGEST = Decimal("99999999.99")
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,7})\.[0-9]{2}")

# ISO 4217: the codes of countries' currencies in November 2026. Checked on the way in only, so
# that what was sold in a currency that has ended can still be read.
CURRENCIES = frozenset(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN
    BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD
    FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY
    KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP
    MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR
    RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT
    TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER
    ZAR ZMW ZWG
    """.split()  # noqa: SIM905 (150 quoted lines would say no more)
)


@dataclass(frozen=True)
class Money:
    """An amount of one currency, `0.00` to `99999999.99`."""

    amount: Decimal
    currency: str

    def __mul__(self, quantity: int) -> Self:
        return type(self)(self.amount * quantity, self.currency)

    @classmethod
    def total(cls, parts: Iterable[Self]) -> Self:
        """The sum of one or more parts.

        Raises `ValueError` where the currencies differ and `OverflowError` where the sum does not
        fit Decimal(10,2).
        """
        first, *others = parts
        if any(part.currency != first.currency for part in others):
            raise ValueError("the currencies differ")
        amount = first.amount + sum(part.amount for part in others)
        if amount > LARGEST:
            raise OverflowError(f"{amount} is more than {LARGEST}")
        return cls(amount, first.currency)


def amount_to_text(amount: Decimal) -> str:
    """Always two places: `19.90`."""
    return f"{amount:.2f}"


def _amount_from_text(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str) or _AMOUNT.fullmatch(value) is None:
        raise ValueError('must be a string of digits with exactly two places, such as "19.90"')
    return Decimal(value)


def _known_currency(code: str) -> str:
    if code not in CURRENCIES:
        raise ValueError("must be an ISO 4217 currency code, such as EUR")
    return code


# How money travels in JSON: the amount as a decimal string beside its currency.
Amount = Annotated[
    Decimal,
    BeforeValidator(_amount_from_text),
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
