"""The item codec: plain Python values to DynamoDB's typed attributes, and back.

boto3's serializer takes three times as long. It also writes sets, which no item here has.
"""

from collections.abc import Mapping
from decimal import Clamped, Context, Decimal, Inexact, Overflow, Rounded, Underflow
from typing import Any  # the values of an item have any type DynamoDB has

type Item = dict[str, Any]

# As in boto3: DynamoDB stores 38 digits of a number, and rounding raises an error. DynamoDB itself
# rejects an int of more digits.
_NUMBERS = Context(
    prec=38, Emin=-128, Emax=126, traps=[Clamped, Inexact, Overflow, Rounded, Underflow]
)


def encode(item: Mapping[str, Any]) -> dict[str, Any]:
    """Encode strings, ints, Decimals, bools, bytes, None, lists and maps.

    Raise TypeError for values of other types.
    """
    return {
        # Most values are strings: a request encodes dozens, so these cost no call.
        name: {"S": value} if type(value) is str else _to_attribute(value)
        for name, value in item.items()
    }


def decode(attributes: Mapping[str, Any]) -> Item:
    """Decode numbers as Decimal, and sets, which newer code may have written, as frozensets."""
    return {
        name: attribute["S"] if "S" in attribute else _from_attribute(attribute)
        for name, attribute in attributes.items()
    }


def _to_attribute(value: Any) -> dict[str, Any]:
    if value is None:
        return {"NULL": True}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, int):  # a bool is an int, too
        return {"BOOL": value} if isinstance(value, bool) else {"N": str(value)}
    if isinstance(value, Decimal):
        return {"N": _number(value)}
    if isinstance(value, bytes):
        return {"B": value}
    if type(value) in (list, tuple):  # not a named tuple, such as Money
        return {"L": [_to_attribute(element) for element in value]}
    if isinstance(value, Mapping):
        return {"M": encode(value)}
    raise TypeError(f"A {type(value).__name__} cannot be encoded for DynamoDB")


def _number(value: Decimal) -> str:
    number = _NUMBERS.create_decimal(value)
    if not number.is_finite():
        raise TypeError("DynamoDB stores finite numbers only")
    return str(number)


def _from_attribute(attribute: Mapping[str, Any]) -> Any:
    ((kind, value),) = attribute.items()
    if kind == "S":
        return value
    if kind == "N":
        return Decimal(value)
    if kind == "NULL":
        return None
    if kind in ("BOOL", "B"):
        return value
    if kind == "L":
        return [_from_attribute(element) for element in value]
    if kind == "M":
        return decode(value)
    if kind in ("SS", "BS"):
        return frozenset(value)
    if kind == "NS":
        return frozenset(map(Decimal, value))
    raise TypeError(f"Unknown DynamoDB type {kind}")
