"""Rows with counts: count again, and set unless a concurrent change occurred."""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any  # values of rows have many types

from shop.caller import Role
from shop.dynamo import tables
from shop.dynamo.codec import Item, decode, encode
from shop.identity.accounts.models import UserStatus
from shop.orders.models import OrderStatus
from shop.orders.repository import summary_to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ADMINS = "admins"
SUMMARY = "summary"
_MAX_ATTEMPTS = 5


class CountContended(RuntimeError):
    """The count changed before every attempt to set it; run again."""


def count_admins(client: "DynamoDBClient") -> int:
    """Count and store the active admins. Costs 1 read unit per 4 KB of the table."""

    def count() -> Item:
        pages = client.get_paginator("scan").paginate(
            TableName=tables.users(),
            ConsistentRead=True,
            FilterExpression="#role = :admin AND #status = :active",
            ExpressionAttributeNames={"#role": "role", "#status": "status"},
            ExpressionAttributeValues=encode(
                {":admin": Role.ADMIN.value, ":active": UserStatus.ACTIVE.value}
            ),
        )
        admins = sum(len(page["Items"]) for page in pages)
        return {"id": ADMINS, "active_admins": admins, "schema_version": 1}

    counted = _count_until_stable(client, tables.users(), {"id": ADMINS}, count)
    return int(counted["active_admins"])


def count_orders(client: "DynamoDBClient", user_id: str) -> None:
    """Count and store one user's orders by status."""

    def count() -> Item:
        found: Counter[OrderStatus] = Counter()
        for page in client.get_paginator("query").paginate(
            TableName=tables.orders(),
            KeyConditionExpression="user_id = :user",
            ExpressionAttributeValues=encode({":user": user_id}),
            ConsistentRead=True,
        ):
            rows = [decode(item) for item in page["Items"]]
            found.update(OrderStatus(row["status"]) for row in rows if row["id"] != SUMMARY)
        return summary_to_item(user_id, {status: found[status] for status in OrderStatus})

    _count_until_stable(client, tables.orders(), {"user_id": user_id, "id": SUMMARY}, count)


def _count_until_stable(
    client: "DynamoDBClient", table: str, key: Item, count: Callable[[], Item]
) -> Item:
    """Count until the row did not change meanwhile, then store the counts.

    The result is exact: a row changes in one transaction with the items that it counts.
    """
    for _ in range(_MAX_ATTEMPTS):
        response = client.get_item(TableName=table, Key=encode(key), ConsistentRead=True)
        before, row = response.get("Item"), count()
        if before is not None and _counts(decode(before)) == _counts(row):
            return row
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(id)"}
        if before is not None:
            names = {f"#{number}": name for number, name in enumerate(before)}
            values = {f":{number}": value for number, value in enumerate(before.values())}
            condition = {
                "ConditionExpression": " AND ".join(f"#{n} = :{n}" for n in range(len(before))),
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": values,
            }
        try:
            client.put_item(TableName=table, Item=encode(row), **condition)
        except client.exceptions.ConditionalCheckFailedException:
            continue
        return row
    raise CountContended(str(key))


def _counts(row: Item) -> Item:
    """Return the counts other than 0, since a missing count is 0."""
    return {name: it for name, it in row.items() if name != "schema_version" and it != 0}
