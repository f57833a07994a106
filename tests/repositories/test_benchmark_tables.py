"""`make bench` resets the tables before each function."""

import json
from collections.abc import Iterator

import pytest

import shop.clients
from tests.benchmarks.peers.tables import Items, items, restore
from tests.support.aws_mock import fresh_aws
from tests.support.sample_items import add_examples


@pytest.fixture
def aws() -> Iterator[None]:
    with fresh_aws():
        add_examples()
        yield


def test_changed_deleted_and_added_items_are_reset(aws: None) -> None:
    dynamodb = shop.clients.dynamodb()
    kept = items()
    user, (order, _) = kept["users_table"][0], kept["orders_table"]
    dynamodb.put_item(TableName="users_table", Item=user | {"name": {"S": "Eve"}})
    dynamodb.put_item(TableName="users_table", Item=user | {"id": {"S": "another"}})
    key = {name: order[name] for name in ("user_id", "id")}
    dynamodb.delete_item(TableName="orders_table", Key=key)
    changed = items()

    restore(kept)

    assert _sorted(changed) != _sorted(kept)
    assert _sorted(items()) == _sorted(kept)


def _sorted(found: Items) -> dict[str, list[str]]:
    """Sort the items: DynamoDB returns them in no order."""
    return {
        table: sorted(json.dumps(item, sort_keys=True, default=str) for item in rows)
        for table, rows in found.items()
    }
