"""The schema of GraphQL has the fields of REST: names, types, nullability and values."""

import types
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    find_breaking_changes,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from shop.http.request_models import Patch
from shop.http.response_models import fields_of
from shop.json_names import sort_of, to_camel
from shop.preconditions import Precondition
from tests.support.graphql_calls import TWINS
from tests.support.sam_template import ROOT
from tools.openapi.document import endpoints

SCHEMA: GraphQLSchema = build_schema((ROOT / "docs/schema.graphql").read_text())
ENDPOINTS = {it.route: it for it in endpoints().values()}
LISTS = ["Query.users", "Query.products", "Query.orders", "User.orders"]
MUTATIONS = [name for name in TWINS if name.startswith("Mutation.")]
# Fields of GraphQL that are no fields of REST: the version, a header there, and relations.
ADDED = {
    "User": {"etag", "orders"},
    "Product": {"etag"},
    "Order": {"etag", "user"},
    "OrderLine": {"product"},
}
# Fields of REST that GraphQL does not have
ABSENT = {"UserUpdate": {"email", "currentPassword"}}
RESOURCES = {
    "User": "GET /api/users/{userId}",
    "Product": "GET /api/products/{productId}",
    "Order": "GET /api/users/{userId}/orders/{orderId}",
}


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


def is_nullable(annotation: Any) -> bool:
    return types.NoneType in parts_of(annotation)


def check(type_: Any, annotation: Any, at: str) -> None:
    """Compare a type of GraphQL with an annotation of REST, except their nullability."""
    *_, expected = sorted(parts_of(annotation), key=lambda it: it is not types.NoneType)
    named = get_named_type(type_)
    assert is_list_type(get_nullable_type(type_)) is (get_origin(expected) is list), at
    if get_origin(expected) is list:
        (inner,) = get_args(expected)
        assert isinstance(get_nullable_type(type_).of_type, GraphQLNonNull), at
        check_object(named, inner)
    elif get_origin(expected) is Literal:
        assert isinstance(named, GraphQLEnumType), at
        assert [*map(sort_of, named.values)] == [*get_args(expected)], at
    elif issubclass(expected, StrEnum):
        assert [it.lower() for it in named.values] == [*expected], at
    else:
        is_id = at.lower().endswith("id")
        names = {str: "ID" if is_id else "String", Decimal: "Decimal", bool: "Boolean"}
        assert named.name == {**names, int: "Int", datetime: "DateTime"}[expected], at


def annotations_of(model: Any) -> Mapping[str, Any]:
    """Return the annotations of a model by their name in JSON."""
    if hasattr(model, "model_fields"):
        return {to_camel(name): it.annotation for name, it in model.model_fields.items()}
    return {to_camel(name): annotation for name, annotation in fields_of(model).items()}


def check_object(type_: Any, model: Any) -> None:
    annotations = annotations_of(model)

    assert type_.fields.keys() == annotations.keys() | ADDED.get(type_.name, set())
    for name, annotation in annotations.items():
        field = type_.fields[name].type
        at = f"{type_.name}.{name}"
        check(field, annotation, at)
        assert isinstance(field, GraphQLNonNull) is not is_nullable(annotation), at


def field_of(name: str) -> Any:
    type_name, _, field = name.partition(".")
    type_ = SCHEMA.type_map[type_name]
    assert isinstance(type_, GraphQLObjectType)
    return type_.fields[field]


@pytest.mark.parametrize("name", RESOURCES)
def test_type_has_the_fields_of_the_resource(name: str) -> None:
    check_object(SCHEMA.type_map[name], ENDPOINTS[RESOURCES[name]].response_model)


def test_every_root_field_and_relation_has_a_twin() -> None:
    roots = {
        f"{type_.name}.{field}"
        for type_ in (SCHEMA.query_type, SCHEMA.mutation_type)
        if type_
        for field in type_.fields
    }
    relations = {"User.orders", "Order.user", "OrderLine.product"}

    assert TWINS.keys() == roots | relations
    assert {*TWINS.values()} <= ENDPOINTS.keys()
    # Sign-up, whose switch is in the REST API alone.
    assert "POST /api/users" not in TWINS.values()


@pytest.mark.parametrize("name", LISTS)
def test_list_has_the_arguments_of_rest(name: str) -> None:
    query: Any = ENDPOINTS[TWINS[name]].query
    arguments = field_of(name).args
    annotations = annotations_of(query)
    others = {it: annotations[it] for it in annotations.keys() - {"limit", "cursor", "page"}}

    assert arguments.keys() == {"first", "after", *others}
    assert str(arguments["first"].type) == "Int!"
    assert arguments["first"].default_value == query.model_fields["limit"].default
    assert str(arguments["after"].type) == "String"
    for argument, annotation in others.items():
        # Without defaults: REST has them.
        assert not isinstance(arguments[argument].type, GraphQLNonNull)
        check(arguments[argument].type, annotation, f"{name}.{argument}")


@pytest.mark.parametrize("name", [*LISTS, "Query.me", "Query.user", "Query.product", "Query.order"])
def test_refused_field_is_null_and_leaves_the_others(name: str) -> None:
    assert not isinstance(field_of(name).type, GraphQLNonNull)


@pytest.mark.parametrize("name", MUTATIONS)
def test_mutation_has_the_input_of_path_and_body(name: str) -> None:
    endpoint = ENDPOINTS[TWINS[name]]
    (argument,) = field_of(name).args.values()
    input_type = get_named_type(argument.type)
    assert isinstance(input_type, GraphQLInputObjectType)
    body: Any = endpoint.body
    left_out = ABSENT.get(getattr(body, "__name__", ""), set())
    annotations = dict(annotations_of(body)) if body else {}
    annotations = {n: it for n, it in annotations.items() if n not in left_out}
    # The last id of the path is the resource's.
    path_names = [*endpoint.path_names.values()]
    ids = {*path_names} if endpoint.status == 201 else {*path_names[:-1], "id"}
    has_condition = Precondition in endpoint.parameters.values()

    assert str(argument.type).endswith("Input!")
    assert input_type.fields.keys() == {*annotations, *ids, *(["ifMatch"] * has_condition)}
    for field, annotation in annotations.items():
        check_input(input_type.fields[field].type, annotation, body, field)


def check_input(type_: Any, annotation: Any, model: Any, name: str) -> None:
    (field,) = [it for n, it in model.model_fields.items() if to_camel(n) == name]
    # A field that may be null is optional: absence is reported by REST's rule.
    is_required = field.is_required() and not is_nullable(annotation)
    assert isinstance(type_, GraphQLNonNull) is (is_required and not issubclass(model, Patch)), name
    if get_origin(annotation) is list:
        (inner,) = get_args(annotation)
        for inner_name, inner_field in get_named_type(type_).fields.items():
            inner_annotations = annotations_of(inner)
            check_input(inner_field.type, inner_annotations[inner_name], inner, inner_name)
    else:
        check(type_, annotation, name)


@pytest.mark.parametrize("name", ["User", "Product", "Order"])
def test_connections_have_the_form_of_relay(name: str) -> None:
    edge, connection = SCHEMA.type_map[f"{name}Edge"], SCHEMA.type_map[f"{name}Connection"]
    assert isinstance(edge, GraphQLObjectType) and isinstance(connection, GraphQLObjectType)
    assert {n: str(it.type) for n, it in edge.fields.items()} == {
        "cursor": "String!",
        "node": f"{name}!",
    }
    assert {n: str(it.type) for n, it in connection.fields.items()} == {
        "edges": f"[{name}Edge!]!",
        "nodes": f"[{name}!]!",
        "pageInfo": "PageInfo!",
        "totalCount": "Int",
    }


def test_released_schema_still_works() -> None:
    released = build_schema((ROOT / "docs/schema.released.graphql").read_text())

    assert find_breaking_changes(released, SCHEMA) == []
