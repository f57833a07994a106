"""Orders as items, for reads that need no other storage."""

from typing import TYPE_CHECKING

from shop.clients import dynamodb
from shop.clock import from_text
from shop.dynamo import tables
from shop.dynamo.codec import Item, decode, encode
from shop.money import Money
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.pagination import IndexPage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef

AFTER_EVERY_ID = "g"  # and before the id of the summary item


def find_order(user_id: str, order_id: str) -> Order | None:
    """Return the order, or None. 1 read unit for each 4 KB."""
    response = dynamodb().get_item(
        TableName=tables.orders(),
        Key=encode({"user_id": user_id, "id": order_id}),
        ConsistentRead=True,
    )
    return order_from_item(decode(response["Item"])) if "Item" in response else None


def find_orders(user_id: str, after: str | None, limit: int) -> IndexPage[Order]:
    """Return orders of a user, oldest first, after the order with this id.

    One query, so at most 1 MB of items. 1 read unit for each 4 KB.
    """
    query: QueryInputTypeDef = {
        "TableName": tables.orders(),
        "KeyConditionExpression": "user_id = :user AND id < :end",
        "ExpressionAttributeValues": encode({":user": user_id, ":end": AFTER_EVERY_ID}),
        "ConsistentRead": True,
        "Limit": limit,
    }
    if after is not None:
        query["ExclusiveStartKey"] = encode({"user_id": user_id, "id": after})
    response = dynamodb().query(**query)
    orders = [order_from_item(decode(item)) for item in response["Items"]]
    return IndexPage(orders, orders[-1].id if "LastEvaluatedKey" in response else None)


def order_from_item(item: Item) -> Order:
    currency = item["currency"]
    return Order(
        id=item["id"],
        user_id=item["user_id"],
        status=OrderStatus(item["status"]),
        total=Money(item["total"], currency),
        lines=[
            OrderLine(
                product_id=line["product_id"],
                sku=line["sku"],
                name=line["name"],
                unit_price=Money(line["unit_price"], currency),
                quantity=int(line["quantity"]),
                reserved=int(line["taken"]),
            )
            for line in item["lines"]
        ],
        note=item["note"],
        created_at=from_text(item["created_at"]),
        updated_at=from_text(item["updated_at"]),
        version=int(item["version"]),
    )
