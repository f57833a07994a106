"""Money in request bodies and events: the amount as a decimal string beside its currency."""

import re
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, PlainSerializer, PlainValidator, WithJsonSchema

from shop.money import (
    AMOUNT_PATTERN,
    CURRENCIES,
    OTHER_CURRENCIES,
    amount_to_text,
)
from shop.violations import violation

_AMOUNT = re.compile(AMOUNT_PATTERN)


def _amount_from_text(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str) or _AMOUNT.fullmatch(value) is None:
        message = 'Must be a string of digits with exactly two places, such as "19.90".'
        raise violation("value_error", message)
    return Decimal(value)


def _known_currency(code: str) -> str:
    for number, codes in OTHER_CURRENCIES.items():
        if code in codes:
            message = f"{code} is not offered: it has {number} decimals, and amounts have two."
            raise violation("currency_not_offered", message)
    if code not in CURRENCIES:
        raise violation("value_error", "Must be an ISO 4217 currency code, such as EUR.")
    return code


Amount = Annotated[
    Decimal,
    PlainValidator(_amount_from_text),
    PlainSerializer(amount_to_text, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^{AMOUNT_PATTERN}$",
            "maxLength": 11,
            "examples": ["19.90"],
        }
    ),
]
Currency = Annotated[
    str,
    AfterValidator(_known_currency),
    WithJsonSchema({"type": "string", "enum": sorted(CURRENCIES), "examples": ["EUR"]}),
]
