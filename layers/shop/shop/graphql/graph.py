"""The schema, and what its fields resolve to: the resources of REST and calls of services."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cached_property, partial
from pathlib import Path
from typing import Any  # resolvers have arguments and results of many types

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLSchema,
    StringValueNode,
    ValueNode,
    build_schema,
)

from shop.clock import to_text
from shop.graphql.context import (
    Context,
    Json,
    body_of,
    or_none,
    precondition,
    query_of,
    resource_id,
    value_of,
)
from shop.http.response_models import Resource
from shop.json_names import sort_of, to_snake
from shop.money import amount_to_text
from shop.orders.requests import AllOrdersQuery, OrderListQuery, OrderPlace, OrderUpdate
from shop.orders.responses import OrderResponse
from shop.pagination import PageResult
from shop.preconditions import entity_tag
from shop.products.requests import ProductCreate, ProductListQuery, ProductUpdate
from shop.products.responses import ProductResponse
from shop.users.requests import UserListQuery, UserUpdate
from shop.users.responses import UserResponse

# In a 32-bit integer; cancelled orders may return stock beyond MAX_STOCK.
_MAX_INT = 2**31 - 1


class Connection:
    """A page of a list, in the form of Relay; its cursors are computed if they are asked for."""

    def __init__(self, result: PageResult[Any], model: type[Resource], after: str | None) -> None:
        self._result = result
        self.nodes = [model.of(it) for it in result.items]
        self.total_count = result.total
        self.has_next_page = result.next_cursor is not None
        self.has_previous_page = after is not None

    @cached_property
    def _cursors(self) -> Sequence[str]:
        return self._result.cursors()

    @property
    def edges(self) -> Sequence[Json]:
        pairs = zip(self._cursors, self.nodes, strict=True)
        return [{"cursor": cursor, "node": node} for cursor, node in pairs]

    @property
    def page_info(self) -> "Connection":
        return self

    @property
    def start_cursor(self) -> str | None:
        return self._cursors[0] if self.nodes else None

    @property
    def end_cursor(self) -> str | None:
        """The next page of a search begins after rows that it has examined, not after a node."""
        return self._result.next_cursor or (self._cursors[-1] if self.nodes else None)


type _Info = GraphQLResolveInfo


async def _me(_: object, info: _Info) -> object:
    return await _user_by_id(info.context, info.context.own_id)


async def _user(_: object, info: _Info, *, id: str) -> object:
    return await _user_by_id(info.context, resource_id(id))


async def _user_by_id(context: Context, user_id: str) -> object:
    user = await context.user(user_id)
    return None if user is None else UserResponse.of(user)


def _users(_: object, info: _Info, **arguments: Any) -> object:
    info.context.admit("Query.users")
    query = query_of(UserListQuery, arguments)
    result = info.context.services.users.list(info.context.caller, query)
    return Connection(result, UserResponse, query.cursor)


async def _product(_: object, info: _Info, *, id: str) -> object:
    return await _product_by_id(info.context, resource_id(id))


async def _product_by_id(context: Context, product_id: str) -> object:
    product = await context.product(product_id)
    return None if product is None else ProductResponse.of(product)


def _products(_: object, info: _Info, **arguments: Any) -> object:
    query = query_of(ProductListQuery, arguments)
    result = info.context.services.products.list(query)
    return Connection(result, ProductResponse, query.cursor)


def _order(_: object, info: _Info, *, userId: str, id: str) -> object:
    context: Context = info.context
    ids = resource_id(userId), resource_id(id)
    order = or_none(partial(context.services.order_reads.read, context.caller, *ids))
    return None if order is None else OrderResponse.of(order)


def _orders(_: object, info: _Info, **arguments: Any) -> object:
    info.context.admit("Query.orders")
    query = query_of(AllOrdersQuery, arguments)
    result = info.context.services.orders.list_all(info.context.caller, query)
    return Connection(result, OrderResponse, query.cursor)


async def _orders_of_user(user: object, info: _Info, **arguments: Any) -> object:
    user_id = value_of(user, "id")
    info.context.admit("User.orders", user_id)
    query = query_of(OrderListQuery, arguments)
    result = await info.context.orders_of(user_id, query)
    return Connection(result, OrderResponse, query.cursor)


async def _user_of_order(order: object, info: _Info) -> object:
    return await _user_by_id(info.context, value_of(order, "userId"))


async def _product_of_line(line: object, info: _Info) -> object:
    return await _product_by_id(info.context, value_of(line, "productId"))


def _place_order(_: object, info: _Info, *, input: Json) -> object:
    context: Context = info.context
    user_id = _user_id(context, input, "userId")
    place = context.services.orders.place
    return context.create(
        info.field_name,
        {"user_id": user_id},
        OrderResponse,
        f"/api/users/{user_id}/orders",
        lambda: body_of(OrderPlace, _fields(input, "userId")),
        lambda payload, idempotency: place(context.caller, user_id, payload, idempotency),
    )


def _create_product(_: object, info: _Info, *, input: Json) -> object:
    context: Context = info.context
    create = context.services.products.create
    return context.create(
        info.field_name,
        {},
        ProductResponse,
        "/api/products",
        lambda: body_of(ProductCreate, input),
        lambda payload, idempotency: create(context.caller, payload, idempotency),
    )


def _update_order(_: object, info: _Info, *, input: Json) -> object:
    context: Context = info.context
    user_id, order_id = _user_id(context, input, "userId"), resource_id(input["id"])

    def update() -> object:
        payload = body_of(OrderUpdate, _fields(input, "userId", "id", "ifMatch"))
        condition = precondition(input.get("ifMatch"))
        orders = context.services.orders
        return OrderResponse.of(
            orders.update(context.caller, user_id, order_id, payload, condition)
        )

    subject = {"user_id": user_id, "order_id": order_id}
    return context.mutate(info.field_name, subject, "order", update)


def _update_product(_: object, info: _Info, *, input: Json) -> object:
    context: Context = info.context
    product_id = resource_id(input["id"])

    def update() -> object:
        payload = body_of(ProductUpdate, _fields(input, "id", "ifMatch"))
        condition = precondition(input.get("ifMatch"))
        products = context.services.products
        return ProductResponse.of(products.update(context.caller, product_id, payload, condition))

    return context.mutate(info.field_name, {"product_id": product_id}, "product", update)


def _delete_product(_: object, info: _Info, *, input: Json) -> object:
    context: Context = info.context
    product_id = resource_id(input["id"])

    def delete() -> object:
        condition = precondition(input.get("ifMatch"))
        context.services.products.delete(context.caller, product_id, condition)
        return product_id

    subject = {"product_id": product_id}
    return context.mutate(info.field_name, subject, "deletedId", delete, 204)


def _update_user(_: object, info: _Info, *, input: Json) -> object:
    context: Context = info.context
    user_id = _user_id(context, input, "id")

    def update() -> object:
        payload = body_of(UserUpdate, _fields(input, "id", "ifMatch"))
        condition = precondition(input.get("ifMatch"))
        users = context.services.users
        return UserResponse.of(
            users.update(context.caller, user_id, payload, condition, context.client)
        )

    return context.mutate(info.field_name, {"user_id": user_id}, "user", update)


def _user_id(context: Context, input: Json, name: str) -> str:
    """Return the user whom an input names, or the caller."""
    named = input.get(name)
    return context.own_id if named is None else resource_id(named)


def _fields(input: Json, *others: str) -> Json:
    """Return the fields of the body, without ids and conditions."""
    return {name: value for name, value in input.items() if name not in others}


def _etag(resource: object, _: _Info) -> str:
    if isinstance(resource, Resource):
        return entity_tag(resource.version)
    return str(value_of(resource, "etag"))


def _stock(product: object, _: _Info) -> int | None:
    stock = value_of(product, "stock")
    return None if stock is None else min(stock, _MAX_INT)


_RESOLVERS: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "Query": {
        "me": _me,
        "user": _user,
        "users": _users,
        "product": _product,
        "products": _products,
        "order": _order,
        "orders": _orders,
    },
    "Mutation": {
        "placeOrder": _place_order,
        "updateOrder": _update_order,
        "createProduct": _create_product,
        "updateProduct": _update_product,
        "deleteProduct": _delete_product,
        "updateUser": _update_user,
    },
    "User": {"etag": _etag, "orders": _orders_of_user},
    "Product": {"etag": _etag, "stock": _stock},
    "Order": {"etag": _etag, "user": _user_of_order},
    "OrderLine": {"product": _product_of_line},
}
_BODIES = (OrderPlace, OrderUpdate, ProductCreate, ProductUpdate, UserUpdate)
_QUERIES = (AllOrdersQuery, OrderListQuery, ProductListQuery, UserListQuery)


def _attribute(name: str) -> Callable[..., Any]:
    attribute = to_snake(name)

    def resolve(source: object, _: _Info) -> Any:
        return source[name] if isinstance(source, dict) else getattr(source, attribute)

    return resolve


def _decimal(value: object) -> str:
    if not isinstance(value, str):
        raise GraphQLError("Decimal must be a string.")
    return value


def _decimal_literal(node: ValueNode, _: object = None) -> str:
    return _decimal(node.value if isinstance(node, StringValueNode) else None)


def _schema() -> GraphQLSchema:
    text = Path(__file__).with_name("schema.graphql").read_text("utf-8")
    schema = build_schema(text, assume_valid=True, assume_valid_sdl=True)
    for name, type_ in schema.type_map.items():
        if name.startswith("__"):
            continue
        if isinstance(type_, GraphQLObjectType):
            resolvers = _RESOLVERS.get(name, {})
            for field_name, field in type_.fields.items():
                field.resolve = resolvers.get(field_name) or _attribute(field_name)
        elif isinstance(type_, GraphQLEnumType):
            for value_name, value in type_.values.items():
                value.value = sort_of(value_name) if name.endswith("Sort") else value_name.lower()
    _set_scalars(schema)
    for model in (*_BODIES, *_QUERIES):
        model.model_rebuild()  # now, or the first request would wait for it
    return schema


def _set_scalars(schema: GraphQLSchema) -> None:
    """Set how values are written; those of recorded responses are text already."""
    time, decimal = schema.type_map["DateTime"], schema.type_map["Decimal"]
    assert isinstance(time, GraphQLScalarType) and isinstance(decimal, GraphQLScalarType)
    vars(time)["serialize"] = lambda it: to_text(it) if isinstance(it, datetime) else it
    vars(decimal)["serialize"] = lambda it: amount_to_text(it) if isinstance(it, Decimal) else it
    vars(decimal)["parse_value"] = _decimal
    vars(decimal)["parse_literal"] = _decimal_literal


SCHEMA = _schema()
