"""The messages of `shop.proto` have the fields of REST: names, types, presence and values."""

import types
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from google.protobuf.descriptor import FieldDescriptor as Field
from pydantic.alias_generators import to_camel

from shop.entrypoints.http import Endpoint
from shop.http.pages import Page
from shop.http.request_models import Patch
from shop.http.response_models import fields_of
from shop.json_names import sort_of
from shop.preconditions import Precondition
from shop.rpc.v1 import shop_pb2
from tests.support.rpc_calls import types_of
from tools.openapi.document import endpoints

RPCS: Mapping[str, Endpoint] = {
    it.rpc_path.rpartition(".")[2]: it for it in endpoints().values() if it.rpc_path
}
# Fields of REST that RPCs do not have: email addresses and passwords, and page numbers.
ABSENT = {"UserUpdate": {"email", "current_password"}, "page": {"page"}}
STRING, BOOL = {Field.TYPE_STRING}, {Field.TYPE_BOOL}
INTEGERS = {Field.TYPE_INT32, Field.TYPE_INT64}
WORDS = {"UserService": "user", "ProductService": "product", "OrderService": "order"}


def parts_of(annotation: Any) -> Iterator[Any]:
    """Yield the types of an annotation without its metadata, and the values of literals."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from parts_of(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for inner in get_args(annotation):
            yield from parts_of(inner)
    else:
        yield annotation


def check(field: Any, annotation: Any, at: str) -> None:
    """Compare a field with an annotation of REST."""
    *_, type_ = sorted(parts_of(annotation), key=lambda it: it is not types.NoneType)
    if get_origin(type_) is list:
        assert field.is_repeated, at
        check_message(field.message_type, get_args(type_)[0], at)
    elif get_origin(type_) is Literal:
        names = [it.name for it in field.enum_type.values[1:]]
        assert set(get_args(type_)) <= {sort_of(it.removeprefix("SORT_")) for it in names}, at
    elif issubclass(type_, StrEnum):
        check_enum(field.enum_type, type_)
    elif type_ is datetime:
        assert field.message_type.full_name == "google.protobuf.Timestamp", at
    else:
        kinds = {str: STRING, Decimal: STRING, bool: BOOL, int: INTEGERS}
        assert field.type in kinds[type_], at


def check_enum(enum: Any, type_: type[StrEnum]) -> None:
    zero, *names = [it.name for it in enum.values]
    prefix = zero.removesuffix("UNSPECIFIED")

    assert [it.removeprefix(prefix).lower() for it in names] == [*type_]


def check_message(message: Any, model: Any, at: str) -> None:
    is_request = hasattr(model, "model_fields")
    annotations = (
        {name: it.annotation for name, it in model.model_fields.items()}
        if is_request
        else dict(fields_of(model))
    )
    fields = {it.name: it for it in message.fields}

    assert fields.keys() == annotations.keys(), at
    for name, annotation in annotations.items():
        check(fields[name], annotation, f"{at}.{name}")
        if fields[name].message_type is None and not is_request:
            is_nullable = types.NoneType in parts_of(annotation)
            assert fields[name].has_presence is is_nullable, f"{at}.{name}"


def test_every_method_has_an_endpoint() -> None:
    methods = {
        f"{service.name}/{name}"
        for service in shop_pb2.DESCRIPTOR.services_by_name.values()
        for name in service.methods_by_name
    }

    assert methods == RPCS.keys()
    assert len(methods) == 13


@pytest.mark.parametrize("rpc", RPCS)
def test_name_of_the_method_is_the_operation(rpc: str) -> None:
    (name,) = [name for name, it in endpoints().items() if it is RPCS[rpc]]

    assert rpc.partition("/")[2].lower() == name.partition("/")[2].replace("_", "")


@pytest.mark.parametrize("rpc", RPCS)
def test_request_has_the_fields_of_path_query_and_body(rpc: str) -> None:
    endpoint, request = RPCS[rpc], types_of(rpc)[0].DESCRIPTOR
    model: Any = endpoint.query or endpoint.body
    left_out = ABSENT["page"] | ABSENT.get(getattr(model, "__name__", ""), set())
    annotations = {n: it.annotation for n, it in model.model_fields.items()} if model else {}
    annotations = {name: it for name, it in annotations.items() if name not in left_out}
    is_patch = isinstance(model, type) and issubclass(model, Patch)
    has_condition = Precondition in endpoint.parameters.values()
    others = {*endpoint.path_names, *(["etag"] * has_condition), *(["update_mask"] * is_patch)}
    fields = {it.name: it for it in request.fields}

    assert fields.keys() == annotations.keys() | others
    for name, annotation in annotations.items():
        check(fields[name], annotation, f"{rpc} {name}")
        field = fields[name]
        if field.message_type is None and field.enum_type is None:
            # Zero and the empty text are values of a change, and null is one elsewhere.
            is_nullable = types.NoneType in parts_of(annotation)
            expected = is_patch or (endpoint.body is not None and is_nullable)
            assert field.has_presence is expected, f"{rpc} {name}"
    for name in others - {"update_mask"}:
        assert fields[name].type in STRING


@pytest.mark.parametrize("rpc", RPCS)
def test_response_has_the_resource_and_its_version_or_a_page(rpc: str) -> None:
    endpoint, response = RPCS[rpc], types_of(rpc)[1].DESCRIPTOR
    word, model = WORDS[rpc.partition("/")[0]], endpoint.response_model
    fields = {it.name: it for it in response.fields}

    if model is None:
        assert not fields
    elif issubclass(model, Page):
        (base,) = [it for it in types.get_original_bases(model) if get_origin(it) is Page]
        assert list(fields) == [f"{word}s", "next_cursor", "total"]
        check_message(fields[f"{word}s"].message_type, get_args(base)[0], rpc)
        assert fields["total"].has_presence and not fields["next_cursor"].has_presence
    else:
        assert list(fields) == [word, "etag"]
        check_message(fields[word].message_type, model, rpc)


def test_names_in_json_are_those_of_rest() -> None:
    for message in shop_pb2.DESCRIPTOR.message_types_by_name.values():
        assert all(it.json_name == to_camel(it.name) for it in message.fields)


def test_sorts_are_the_union_of_those_of_the_lists() -> None:
    sorts = {
        sort
        for endpoint in RPCS.values()
        if endpoint.query is not None
        for sort in get_args(endpoint.query.model_fields["sort"].annotation)
    }

    assert sorts == {
        sort_of(it.name.removeprefix("SORT_")) for it in shop_pb2.Sort.DESCRIPTOR.values[1:]
    }
