"""Money: an exact Decimal(10,2) with its currency, never a binary float."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple, Self

MAX_AMOUNT = Decimal("99999999.99")
AMOUNT_PATTERN = r"(0|[1-9][0-9]{0,7})\.[0-9]{2}"

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
_WITHOUT_DECIMALS, _WITH_TWO_DECIMALS, _WITH_THREE_DECIMALS, _WITH_FOUR_DECIMALS = (
    frozenset(codes.split()) for codes in _BY_EXPONENT.values()
)
CURRENCIES = _WITHOUT_DECIMALS | _WITH_TWO_DECIMALS
# Currencies that are not offered, by the number of their decimals
OTHER_CURRENCIES = {"three": _WITH_THREE_DECIMALS, "four": _WITH_FOUR_DECIMALS}


class Money(NamedTuple):
    """An amount of one currency, `0.00` to `99999999.99`."""

    amount: Decimal
    currency: str

    def times(self, quantity: int) -> Self:
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


def amount_violation(amount: Decimal, currency: str) -> tuple[str, str] | None:
    """Return the error of an amount in this currency as (code, message), or None."""
    if currency in _WITHOUT_DECIMALS and amount % 1:
        return "amount_precision", f"Must end in .00: {currency} has no decimals."
    return None
