"""Properties of DynamoDB on which the transactions depend."""

from collections.abc import Iterator, Sequence
from copy import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from shop.caller import Role
from shop.clients import dynamodb
from shop.clock import now
from shop.dynamo import records, tables, transactions
from shop.dynamo.codec import encode
from shop.http.response import Response
from shop.idempotency import IdempotentRequest
from shop.identifiers import new_id
from shop.identity.accounts.models import UserStatus
from shop.money import Money
from shop.orders.models import MAX_LINES, MAX_QUANTITY, Order, OrderStatus
from shop.orders.repository import OrderRepository
from shop.orders.requests import OrderPlace
from shop.orders.responses import OrderResponse
from shop.orders.service import OrderService
from shop.pagination import PageRequest
from shop.products.models import Product, ProductStatus
from shop.products.repository import ProductRepository
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import ALICE, NOON

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

pytestmark = pytest.mark.dynamodb_local

MAX_ITEM = 400 * 1024  # bytes, including attribute names
PEAR = "\N{PEAR}"  # four bytes


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


def put(id_: str, **values: Any) -> "TransactWriteItemTypeDef":
    """`Any`: the values of an item have any type DynamoDB has."""
    return {
        "Put": {
            "TableName": tables.products(),
            "Item": encode({"id": id_, **values}),
            "ConditionExpression": "attribute_not_exists(id)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def stored() -> list[str]:
    items = dynamodb().scan(TableName=tables.products())["Items"]
    return sorted(item["id"]["S"] for item in items)


def test_failed_transaction_names_its_conditions_and_the_stored_items() -> None:
    transactions.write({"first": put("a", colour="green")})
    absent = put("c")
    absent["Put"]["ConditionExpression"] = "attribute_exists(id)"

    with pytest.raises(transactions.ConditionFailed) as rejected:
        transactions.write({"one": put("b"), "two": put("a"), "three": absent, "four": put("d")})

    assert rejected.value.old == {"two": {"id": "a", "colour": "green"}, "three": None}
    assert stored() == ["a"]


def test_transaction_token_commits_once_and_rejects_other_content() -> None:
    token, client = str(uuid4()), dynamodb()
    for _ in range(3):
        client.transact_write_items(TransactItems=[put("a")], ClientRequestToken=token)

    with pytest.raises(client.exceptions.IdempotentParameterMismatchException):
        client.transact_write_items(TransactItems=[put("b")], ClientRequestToken=token)

    assert stored() == ["a"]


@pytest.mark.parametrize(
    "rejected",
    [
        [("", {})],
        [(str(index), {}) for index in range(transactions.MAX_ACTIONS + 1)],
        [("a", {"text": "x" * MAX_ITEM})],
        [(str(index), {"text": "x" * (MAX_ITEM - 1000)}) for index in range(11)],
    ],
    ids=["an empty key", "101 actions", "401 KB", "more than 4 MB"],
)
def test_invalid_transaction_writes_nothing(
    rejected: list[tuple[str, dict[str, str]]],
) -> None:
    actions = [put("beside"), *(put(id_, **values) for id_, values in rejected)]

    with pytest.raises(ClientError, match="ValidationException"):
        transactions.write({str(index): action for index, action in enumerate(actions)})

    assert stored() == []


def test_store_has_the_documented_limits_of_actions_and_item_bytes() -> None:
    full = MAX_ITEM - len("id" + "0" + "text")
    texts = ["x" * full, *[""] * (transactions.MAX_ACTIONS - 1)]

    transactions.write({str(i): put(str(i), text=text) for i, text in enumerate(texts)})

    assert len(stored()) == transactions.MAX_ACTIONS


def test_largest_order_fits_into_one_transaction_with_its_response() -> None:
    sign_up()
    products = [keep(largest_product()) for _ in range(MAX_LINES)]

    order = place(products, MAX_QUANTITY, PEAR * 500, "key")

    assert OrderRepository().get(ALICE.id, order.id) == order
    record = records.find_record("key")
    assert record is not None and record.response == render(order)


def test_list_continues_after_a_page_that_the_store_ends_early() -> None:
    sign_up()
    kept = keep(replace(largest_product(), stock=None))
    placed = [place([kept], 1, None, None) for _ in range(5)]
    # Newer code may write more attributes.
    for order in placed:
        dynamodb().update_item(
            TableName=tables.orders(),
            Key=encode({"user_id": ALICE.id, "id": order.id}),
            UpdateExpression="SET history = :long",
            ExpressionAttributeValues=encode({":long": "x" * 390 * 1024}),
        )
    placed.sort(key=lambda each: each.id, reverse=True)

    assert newest(5) == placed


def newest(limit: int) -> Sequence[Order]:
    page_request = PageRequest(None, 0, limit)
    return (
        OrderRepository()
        .list_of_user(ALICE.id, [*OrderStatus], "createdAt", page_request, True)
        .items
    )


def sign_up() -> None:
    active, customer = UserStatus.ACTIVE, Role.CUSTOMER
    user = User(ALICE.id, "ada@example.com", "Ada", active, customer, False, NOON, NOON, 1)
    UserRepository().add(user, "hash")


def keep(product: Product) -> Product:
    ProductRepository().add(product, None)
    return product


def place(of: list[Product], quantity: int, note: str | None, key: str | None) -> Order:
    items = [{"productId": each.id, "quantity": quantity} for each in of]
    payload = OrderPlace.model_validate({"items": items, "note": note})
    service = OrderService(OrderRepository(), now, new_id)
    return service.place(ALICE, ALICE.id, payload, idempotency(key))


def idempotency(key: str | None) -> IdempotentRequest:
    return IdempotentRequest(key, b"digest", render, now)


def largest_product() -> Product:
    product_id, active, price = new_id(), ProductStatus.ACTIVE, Money(Decimal("9.99"), "EUR")
    sku, name = product_id.ljust(64, "X"), PEAR * 100
    return Product(product_id, sku, name, price, 1_000_000_000, active, NOON, NOON, 1)


def render(created: object) -> Response:
    body = OrderResponse.of(created).as_text() if isinstance(created, Order) else ""
    return Response(201, {}, body)
