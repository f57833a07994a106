"""The content of tables, and its restoration, so that each start has the same state."""

from typing import Any  # Any: boto3's items

import shop.clients

type Items = dict[str, list[dict[str, Any]]]  # by table


def items() -> Items:
    """Return the items of tables that fit one page."""
    dynamodb = shop.clients.dynamodb()
    return {
        table: [dict(item) for item in dynamodb.scan(TableName=table)["Items"]]
        for table in dynamodb.list_tables()["TableNames"]
    }


def restore(kept: Items) -> None:
    dynamodb = shop.clients.dynamodb()
    for table, found in items().items():
        schema = dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]
        names = [element["AttributeName"] for element in schema]
        for item in found:
            if item not in kept[table]:
                dynamodb.delete_item(TableName=table, Key={name: item[name] for name in names})
        for item in kept[table]:
            if item not in found:
                dynamodb.put_item(TableName=table, Item=item)
