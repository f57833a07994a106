"""Messages of `shop.proto`, from and to the fields of the REST API."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any  # JSON values, and descriptors, of which each runtime has its own classes

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

from shop.errors import BadRequest
from shop.http.request import parse_json
from shop.json_names import sort_of, to_camel
from shop.rpc.v1 import shop_pb2

MASK = "update_mask"
_MASKS = {MASK, to_camel(MASK)}
# More elements than any schema accepts. A body of 1 MiB could have 500,000 of them.
MAX_ELEMENTS = 1000
_MALFORMED = "The message is malformed."
_TOO_MANY = "The message has too many values."
_SORT = "shop.v1.Sort"


@cache
def types_of(method: str) -> tuple[type[Message], type[Message]]:
    """Return the messages of `/shop.v1.OrderService/GetOrder`, in and out."""
    service, _, name = method.rpartition(".")[2].partition("/")
    found = shop_pb2.DESCRIPTOR.services_by_name[service].methods_by_name[name]
    return GetMessageClass(found.input_type), GetMessageClass(found.output_type)


def read_binary(type_: type[Message], data: bytes) -> Message:
    """Parse a message; unknown fields are ignored. Raise `BadRequest`."""
    message = type_()
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise BadRequest(_MALFORMED) from None
    return _bounded(message)


def read_json(type_: type[Message], data: bytes) -> Message:
    """Parse a message; unknown fields are rejected. Raise `BadRequest`."""
    value = parse_json(data)
    try:
        _check(type_.DESCRIPTOR, value)
        return _bounded(ParseDict(value, type_()))
    # The text of ParseError quotes values. Values of another type raise the others.
    except (ParseError, ValueError, TypeError, AttributeError):
        raise BadRequest(_MALFORMED) from None


def write_json(message: Message) -> str:
    return json.dumps(MessageToDict(message), ensure_ascii=False, separators=(",", ":"))


def sent_fields(message: Message) -> dict[str, Any]:
    """Return the values of REST that a message has, by field, and the paths of its mask."""
    return {field.name: _to_rest(field, value) for field, value in message.ListFields()}


def optional_fields(message: type[Message]) -> list[str]:
    """Return the fields whose absence is a value: null, as `stock` without a limit."""
    fields = message.DESCRIPTOR.fields
    return [it.name for it in fields if it.has_presence and it.message_type is None]


def in_json(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields under their names in JSON."""
    return {to_camel(name): value for name, value in fields.items()}


def fill(message: Message, fields: Mapping[str, Any]) -> None:
    """Set the fields of a message from an object of REST; null is absent."""
    for field in message.DESCRIPTOR.fields:
        value = fields.get(field.json_name)
        if value is None:
            continue
        if field.message_type is None:
            value = _number(field.enum_type, value) if field.enum_type else value
            setattr(message, field.name, value)
        elif field.is_repeated:
            for inner in value:
                fill(getattr(message, field.name).add(), inner)
        elif field.message_type.full_name == Timestamp.DESCRIPTOR.full_name:
            getattr(message, field.name).FromJsonString(value)
        else:
            fill(getattr(message, field.name), value)


def _to_rest(field: Any, value: Any) -> Any:
    if field.enum_type is not None:
        return _name(field.enum_type, value)
    if field.message_type is None:
        return value
    if isinstance(value, FieldMask):
        return list(value.paths)
    return [in_json(sent_fields(inner)) for inner in value]


def _name(enum: Any, number: int) -> str:
    """Return the value of REST, or the digits of an unknown number, which no field accepts."""
    if number not in enum.values_by_number:
        return str(number)
    name = enum.values_by_number[number].name.removeprefix(_prefix(enum))
    return sort_of(name) if enum.full_name == _SORT else name.lower()


def _number(enum: Any, text: str) -> int:
    number: int = enum.values_by_name[_prefix(enum) + text.upper()].number
    return number


@cache
def _prefix(enum: Any) -> str:
    zero: str = enum.values[0].name
    return zero.removesuffix("UNSPECIFIED")


def _bounded[M: Message](message: M) -> M:
    for field, value in message.ListFields():
        elements = value.paths if isinstance(value, FieldMask) else value
        is_list = field.is_repeated or isinstance(value, FieldMask)
        if is_list and len(elements) > MAX_ELEMENTS:
            raise BadRequest(_TOO_MANY)
    return message


def _check(type_: Any, value: Any) -> None:
    """Raise `BadRequest` for an unknown field, and for values that the runtime misreads.

    It would use the last of two spellings of a field, read `[]` as a message without fields, true
    as 1, and 1.5 as 1 in an enum.
    """
    if not isinstance(value, dict):
        raise BadRequest(_MALFORMED)
    fields = {it.json_name: it for it in type_.fields} | {it.name: it for it in type_.fields}
    unknown = next((name for name in value if name not in fields), None)
    if unknown is not None:
        raise BadRequest(f"Unknown field: {unknown[:100]}")
    if len({fields[name].number for name in value}) != len(value):
        raise BadRequest("A field is given twice.")
    for name, inner in value.items():
        field = fields[name]
        if (isinstance(inner, bool) and field.type != field.TYPE_BOOL) or (
            isinstance(inner, float) and field.enum_type is not None
        ):
            raise BadRequest(_MALFORMED)
        if name in _MASKS and str(inner).count(",") >= MAX_ELEMENTS:
            raise BadRequest(_TOO_MANY)
        if field.is_repeated and field.message_type is not None and isinstance(inner, list):
            for element in inner:
                _check(field.message_type, element)
