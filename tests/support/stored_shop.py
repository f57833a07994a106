"""A small shop stored by its repositories, and items in the shape of older code."""

from collections.abc import Mapping
from decimal import Decimal

from shop.caller import Role
from shop.clients import dynamodb
from shop.dynamo.codec import Item, decode, encode
from shop.http.response import Response
from shop.idempotency import KEPT_FOR, Record
from shop.identifiers import new_id
from shop.identity.accounts.models import UserStatus
from shop.money import Money
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.orders.repository import OrderRepository
from shop.products.models import Product, ProductStatus
from shop.products.repository import ProductRepository
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.fixtures import NOON

LISTED = {
    "users": ("status_shard", "name_key", "email_key"),
    "products": ("name_key", "price_key"),
    "orders": ("status_id", "status_total", "status_shard"),
}


def record(key: str) -> Record:
    return Record(key, b"digest", Response(201, {}, ""), NOON + KEPT_FOR)


def sign_up(role: Role = Role.CUSTOMER) -> User:
    id_ = new_id()
    email = f"{id_[-12:]}@analytical.example"
    user = User(id_, email, "Ada Lovelace", UserStatus.ACTIVE, role, False, NOON, NOON, 1)
    UserRepository().add(user, "hash")
    return user


def keep() -> Product:
    id_, price = new_id(), Money(Decimal("9.99"), "EUR")
    product = Product(id_, f"SKU-{id_}", "Pear", price, 10, ProductStatus.ACTIVE, NOON, NOON, 1)
    ProductRepository().add(product, record(f"product {id_}"))
    return product


def place(user: User, of: Product) -> Order:
    line = OrderLine(of.id, of.sku, of.name, of.price, 1, 1)
    pending = OrderStatus.PENDING
    order = Order(new_id(), user.id, pending, line.total, [line], None, NOON, NOON, 1)
    OrderRepository().add(order, record(f"order {order.id}"))
    return order


def unlist(table: str, key: Mapping[str, str]) -> None:
    """Convert an item to the shape of the first version of the code."""
    dynamodb().update_item(
        TableName=f"{table}_table",
        Key=encode(key),
        UpdateExpression=f"REMOVE {', '.join(LISTED[table])} SET schema_version = :one",
        ExpressionAttributeValues=encode({":one": 1}),
    )


def stored(table: str, key: Mapping[str, str]) -> Item:
    response = dynamodb().get_item(TableName=f"{table}_table", Key=encode(key))
    return decode(response["Item"])
