"""Messages from and to the fields of REST."""

import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToJson
from hypothesis import given
from hypothesis import strategies as st

from shop.errors import BadRequest
from shop.rpc import wire
from shop.rpc.v1.shop_pb2 import (
    CreateProductRequest,
    ListUsersRequest,
    PlaceOrderRequest,
    UpdateProductRequest,
)
from tests.support.rpc_calls import types_of

REQUESTS = ["OrderService/PlaceOrder", "ProductService/UpdateProduct", "UserService/ListUsers"]
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
ANY_TEXT = st.text(st.characters(exclude_categories=[]))  # also halves of surrogate pairs
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["productId", "sku", "stock", "stockDelta", "status", "updateMask", "items", "note", "sort"]
)


@given(TEXT, st.lists(st.tuples(TEXT, st.integers(1, 2**31 - 1))), st.none() | TEXT)
def test_message_survives_both_encodings(
    user_id: str, lines: list[tuple[str, int]], note: str | None
) -> None:
    items = [{"product_id": product, "quantity": quantity} for product, quantity in lines]
    message = PlaceOrderRequest(user_id=user_id, items=items, note=note)

    binary = wire.read_binary(PlaceOrderRequest, message.SerializeToString())
    text = wire.read_json(PlaceOrderRequest, MessageToJson(message).encode())

    assert binary == text == message
    sent = wire.in_json(wire.sent_fields(message))
    assert sent.get("note") == note
    expected = [{"productId": product, "quantity": number} for product, number in lines]
    assert [{"productId": "", **it} for it in sent.get("items", [])] == expected


@pytest.mark.parametrize("method", REQUESTS)
@given(data=st.binary())
def test_damaged_bytes_are_an_error_of_the_client(method: str, data: bytes) -> None:
    type_ = types_of(method)[0]
    try:
        wire.in_json(wire.sent_fields(wire.read_binary(type_, data)))
    except BadRequest as error:
        assert error.message == "The message is malformed."


@pytest.mark.parametrize("method", REQUESTS)
@given(value=JSON | st.dictionaries(NAMES, JSON))
def test_any_json_is_a_message_or_an_error_of_the_client(method: str, value: Any) -> None:
    text = json.dumps(value).replace("Infinity", "1e999")

    try:
        wire.in_json(wire.sent_fields(wire.read_json(types_of(method)[0], text.encode())))
    except BadRequest as error:
        assert error.message.startswith(
            ("The message ", "The body ", "A field ", "Unknown field: ")
        )
        error.message.encode()


@pytest.mark.parametrize(
    "text",
    [
        '{"items": {}}',
        '{"items": [[]]}',
        '{"items": [5]}',
        '{"items": ["secret"]}',
        '{"items": [{"quantity": "secret"}]}',
        '{"items": [{"quantity": 1.5}]}',
        '{"items": [{"quantity": 4294967296}]}',
        '{"note": 5}',
        '{"note": ["secret"]}',
        '{"note": "\\ud800"}',
        '{"\\ud800": 1}',
        "[]",
        '"secret"',
        "null",
        "5",
        "",
        "{",
        '{"userId": "a", "userId": "b"}',
    ],
)
def test_malformed_json_is_rejected_without_its_values(text: str) -> None:
    with pytest.raises(BadRequest) as raised:
        wire.read_json(PlaceOrderRequest, text.encode())

    assert "secret" not in raised.value.message
    assert raised.value.message in ("The message is malformed.", "The body is not valid JSON.")


@pytest.mark.parametrize(
    "text",
    [
        '{"status": "NO_STATUS"}',
        '{"status": "\\ud800"}',
        '{"status": true}',
        '{"status": 1.0}',
        '{"status": 1.5}',
        '{"status": 1e999}',
        '{"status": -Infinity}',
        '{"sort": "name"}',
        '{"status": {}}',
    ],
)
def test_unknown_name_of_an_enum_is_rejected(text: str) -> None:
    with pytest.raises(BadRequest, match="(message is malformed|is not valid JSON)"):
        wire.read_json(ListUsersRequest, text.encode())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"userID": "a"}', "Unknown field: userID"),
        ('{"": "a"}', "Unknown field: "),
        ('{"items": [{"productId": "a", "price": 1}]}', "Unknown field: price"),
        ('{"[shop.v1.extension]": 1}', "Unknown field: [shop.v1.extension]"),
        ('{"userId": "a", "user_id": "b"}', "A field is given twice."),
        ('{"items": [{"productId": "a", "product_id": "b"}]}', "A field is given twice."),
    ],
)
def test_unknown_and_repeated_names_in_json_are_rejected(text: str, message: str) -> None:
    with pytest.raises(BadRequest) as raised:
        wire.read_json(PlaceOrderRequest, text.encode())

    assert raised.value.message == message


def test_both_spellings_of_a_field_are_accepted() -> None:
    text = b'{"user_id": "a", "items": [{"product_id": "p", "quantity": "2"}]}'

    assert wire.sent_fields(wire.read_json(PlaceOrderRequest, text)) == {
        "user_id": "a",
        "items": [{"productId": "p", "quantity": 2}],
    }


def test_unknown_binary_field_is_ignored() -> None:
    # Number 500, as bytes, before a known field.
    unknown = b"\xa2\x1f\x01x"

    message = wire.read_binary(
        PlaceOrderRequest, unknown + PlaceOrderRequest(user_id="a").SerializeToString()
    )

    assert wire.sent_fields(message) == {"user_id": "a"}


def test_message_with_too_many_elements_is_rejected_before_they_are_read() -> None:
    line = b"\x12\x00"
    assert len(wire.read_binary(PlaceOrderRequest, line * 1000).ListFields()[0][1]) == 1000

    with pytest.raises(BadRequest, match="too many values"):
        wire.read_binary(PlaceOrderRequest, line * 1001)
    mask = UpdateProductRequest()
    mask.update_mask.paths.extend(["name"] * 1001)
    with pytest.raises(BadRequest, match="too many values"):
        wire.read_binary(UpdateProductRequest, mask.SerializeToString())


def test_enums_and_sorts_have_the_values_of_rest() -> None:
    message = ListUsersRequest(status="USER_STATUS_INACTIVE", sort="SORT_CREATED_AT_DESC", limit=5)

    assert wire.sent_fields(message) == {"status": "inactive", "sort": "-createdAt", "limit": 5}


def test_unknown_number_of_an_enum_is_a_value_that_no_field_accepts() -> None:
    message = wire.read_binary(ListUsersRequest, b"\x08\x63")

    assert wire.sent_fields(message) == {"status": "99"}


def test_zero_of_an_optional_field_is_a_value_and_its_absence_is_none() -> None:
    assert wire.sent_fields(CreateProductRequest(stock=0)) == {"stock": 0}
    assert wire.sent_fields(CreateProductRequest()) == {}
    assert wire.optional_fields(CreateProductRequest) == ["stock"]
    assert wire.optional_fields(PlaceOrderRequest) == ["note"]
