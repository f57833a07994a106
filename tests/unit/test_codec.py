"""The DynamoDB codec encodes and decodes items like boto3, only faster."""

from datetime import UTC, datetime
from decimal import Decimal, DecimalException
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as some

from shop.dynamo.actions import Increment
from shop.dynamo.codec import decode, encode
from shop.money import Money
from shop.orders.models import OrderStatus

numbers = some.integers(-(10**37), 10**37) | some.decimals(-(10**9), 10**9, places=2)
scalars = some.none() | some.booleans() | numbers | some.text() | some.binary()
values = some.recursive(
    scalars, lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner)
)


sets = some.one_of(
    [some.frozensets(kind, min_size=1) for kind in (some.text(), numbers, some.binary())]
)


def as_boto3_reads(value: Any) -> Any:
    return plain(TypeDeserializer().deserialize(value))


def plain(value: Any) -> Any:
    """Convert boto3's values: unwrap bytes, and freeze sets."""
    if isinstance(value, set):
        return frozenset(map(plain, value))
    return getattr(value, "value", value)


@given(values)
def test_value_is_encoded_like_boto3(value: Any) -> None:
    assert encode({"it": value}) == {"it": TypeSerializer().serialize(value)}


@given(values)
def test_value_round_trips(value: Any) -> None:
    assert decode(encode({"it": value})) == {"it": value}


@given(scalars)
def test_value_is_decoded_like_boto3(value: Any) -> None:
    attribute = TypeSerializer().serialize(value)

    read = decode({"it": attribute})["it"]

    assert (type(read), read) == (type(as_boto3_reads(attribute)), as_boto3_reads(attribute))


@given(sets)
def test_set_of_newer_code_is_decoded_like_boto3(value: frozenset[Any]) -> None:
    attribute = TypeSerializer().serialize(set(value))

    read = decode({"it": attribute})["it"]

    assert (type(read), read) == (frozenset, as_boto3_reads(attribute))


def test_enumeration_is_encoded_as_text_and_tuple_as_list() -> None:
    assert encode({"it": (OrderStatus.PENDING,)}) == {"it": {"L": [{"S": "pending"}]}}


@pytest.mark.parametrize(
    "value",
    [
        *(1.5, {"a"}, frozenset({"a"}), datetime.now(UTC), bytearray(b"a")),
        *(Money(Decimal("1.50"), "EUR"), Increment(1)),
    ],
)
def test_unsupported_value_is_rejected(value: object) -> None:
    with pytest.raises(TypeError):
        encode({"it": value})


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_number_must_be_finite(text: str) -> None:
    with pytest.raises(TypeError):
        encode({"it": Decimal(text)})


@pytest.mark.parametrize("text", ["1" * 39, "1E127", "1E-200"])
def test_inexact_number_is_rejected(text: str) -> None:
    with pytest.raises(DecimalException):
        encode({"it": Decimal(text)})


def test_unknown_type_tag_is_rejected() -> None:
    with pytest.raises(TypeError):
        decode({"it": {"XS": ["a"]}})
