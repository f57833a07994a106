"""Items: plain Python values in, DynamoDB's typed attributes out, and back."""

from collections.abc import Mapping
from typing import Any  # an item's values are of any type DynamoDB knows

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

type Item = dict[str, Any]

_to_attribute = TypeSerializer().serialize
_from_attribute = TypeDeserializer().deserialize


def encode(item: Mapping[str, Any]) -> dict[str, Any]:
    """Strings, ints, Decimals, bools, None, lists and maps; floats raise TypeError."""
    return {name: _to_attribute(value) for name, value in item.items()}


def decode(attributes: Mapping[str, Any]) -> Item:
    """Numbers come back as Decimal, whatever they went in as."""
    return {name: _from_attribute(value) for name, value in attributes.items()}
