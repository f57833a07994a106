"""Response models render as pydantic would."""

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, PlainSerializer
from pydantic.alias_generators import to_camel as pydantic_to_camel
from pydantic.alias_generators import to_snake as pydantic_to_snake

from shop.clock import to_text
from shop.http.response_models import HIDDEN, ResponseModel, fields_of
from shop.json_names import to_camel, to_snake
from shop.json_schema import JsonSchema
from shop.money import amount_to_text

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Colour(StrEnum):
    RED = "red"


class Part(ResponseModel):
    unit_price: Decimal
    made_at: datetime


class Whole(ResponseModel):
    kind: ClassVar[str] = "a constant"
    other_kind: ClassVar = "another"

    first_name: Annotated[str, JsonSchema(maxLength=9)]
    colour: Colour
    quantity: int
    is_new: bool
    note: str | None
    parts: list[Part]
    version: Annotated[int, HIDDEN]


class PydanticPart(BaseModel):
    model_config = ConfigDict(
        alias_generator=pydantic_to_camel, validate_by_name=True, from_attributes=True
    )

    unit_price: Annotated[Decimal, PlainSerializer(amount_to_text)]
    made_at: Annotated[datetime, PlainSerializer(to_text)]


class PydanticWhole(BaseModel):
    model_config = PydanticPart.model_config

    first_name: str
    colour: Colour
    quantity: int
    is_new: bool
    note: str | None
    parts: list[PydanticPart]


texts = st.text(st.characters(exclude_categories=["Cs"]))
times = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))
parts = st.builds(Part, unit_price=st.decimals(0, 99_999_999, places=2), made_at=times)
wholes = st.builds(
    Whole,
    first_name=texts,
    colour=st.just(Colour.RED),
    quantity=st.integers(-(2**53), 2**53),
    is_new=st.booleans(),
    note=st.none() | texts,
    parts=st.lists(parts),
    version=st.just(7),
)


@given(wholes)
def test_model_renders_as_pydantic_would(whole: Whole) -> None:
    twin = PydanticWhole.model_validate(whole, from_attributes=True)

    assert whole.as_text() == twin.model_dump_json(by_alias=True)


def test_body_has_the_fields_of_base_classes_first_and_no_hidden_ones() -> None:
    class More(Part):
        added_last: str

    more = More(unit_price=Decimal("1.50"), made_at=NOON, added_last="x")

    assert list(json.loads(more.as_text())) == ["unitPrice", "madeAt", "addedLast"]
    assert (
        "version" not in fields_of(Whole) and not {"kind", "other_kind"} & fields_of(Whole).keys()
    )


class Outer(ResponseModel):
    first: Part
    state: str = "ready"


def test_nested_model_and_default_are_rendered() -> None:
    at = datetime(2026, 11, 22, 14, 30, 0, 123_000, tzinfo=timezone(timedelta(hours=2)))

    outer = Outer(first=Part(unit_price=Decimal("5E+1"), made_at=at))

    assert json.loads(outer.as_text()) == {
        "first": {"unitPrice": "50.00", "madeAt": "2026-11-22T12:30:00.123Z"},
        "state": "ready",
    }


@pytest.mark.parametrize("price", [1j, math.nan, {1}])
def test_value_that_json_lacks_is_not_rendered(price: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        Part(unit_price=price, made_at=NOON).as_text()


@pytest.mark.parametrize("name", ["id", "user_id", "email_verified", "total_pages", "x"])
def test_names_are_those_of_pydantic(name: str) -> None:
    assert to_camel(name) == pydantic_to_camel(name)
    assert to_snake(to_camel(name)) == pydantic_to_snake(to_camel(name)) == name
