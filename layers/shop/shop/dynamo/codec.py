"""Items: plain Python values in, DynamoDB's typed attributes out, and back.

boto3's own serializer takes three times as long, and writes sets, of which no item of ours has one.
"""

from collections.abc import Mapping
from decimal import Clamped, Context, Decimal, Inexact, Overflow, Rounded, Underflow
from typing import Any  # an item's values are of any type DynamoDB knows

type Item = dict[str, Any]

# As boto3 has it: 38 digits are what DynamoDB stores of a number, and none is ever rounded. An int
# that has more is refused by DynamoDB itself.
_NUMBERS = Context(
    prec=38, Emin=-128, Emax=126, traps=[Clamped, Inexact, Overflow, Rounded, Underflow]
)


def encode(item: Mapping[str, Any]) -> dict[str, Any]:
    """Strings, ints, Decimals, bools, bytes, None, lists and maps; all else raises TypeError."""
    return {name: _to_attribute(value) for name, value in item.items()}


def decode(attributes: Mapping[str, Any]) -> Item:
    """Numbers come back as Decimal, whatever they went in as, and sets, which code of another
    version may have written, as frozensets.
    """
    return {name: _from_attribute(attribute) for name, attribute in attributes.items()}


def _to_attribute(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"S": value}
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):  # before int, which it is too
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, Decimal):
        return {"N": _number(value)}
    if isinstance(value, bytes):
        return {"B": value}
    if isinstance(value, list | tuple):
        return {"L": [_to_attribute(one) for one in value]}
    if isinstance(value, Mapping):
        return {"M": encode(value)}
    raise TypeError(f"DynamoDB gets no {type(value).__name__} from us")


def _number(value: Decimal) -> str:
    number = _NUMBERS.create_decimal(value)
    if not number.is_finite():
        raise TypeError("DynamoDB knows numbers only that are finite")
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
        return [_from_attribute(one) for one in value]
    if kind == "M":
        return decode(value)
    if kind in ("SS", "BS"):
        return frozenset(value)
    if kind == "NS":
        return frozenset(map(Decimal, value))
    raise TypeError(f"DynamoDB has no {kind} that we know of")
