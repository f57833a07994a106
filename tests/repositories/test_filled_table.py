"""Add indexes to a filled table, one at a time, as docs/operations.md describes."""

from collections.abc import Iterator
from typing import Any

import pytest

from shop.clients import dynamodb
from shop.dynamo import tables
from shop.dynamo.codec import decode
from shop.identity.accounts.models import UserStatus
from shop.pagination import PageRequest
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.aws_mock import fresh_aws
from tests.support.sam_template import resources
from tests.support.stored_shop import sign_up, unlist
from tests.support.waiting import eventually
from tools.migrate.engine import Engine
from tools.migrate.migrations.m0001_list_keys import MIGRATION
from tools.tables.rate import Rate

ALL = PageRequest(None, 0, 100)
# The index of the template before lists were sharded.
OLD: dict[str, Any] = {
    "AttributeDefinitions": [
        {"AttributeName": "id", "AttributeType": "S"},
        {"AttributeName": "status", "AttributeType": "S"},
    ],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by_status",
            "KeySchema": [
                {"AttributeName": "status", "KeyType": "HASH"},
                {"AttributeName": "id", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


# `Any`: clients are created at run time.
def update(client: Any, table: str, change: dict[str, Any]) -> None:
    """Create or delete one index and wait for it, as CloudFormation does."""
    there = client.describe_table(TableName=table)["Table"]["GlobalSecondaryIndexes"]
    stays = [it for it in there if it["IndexName"] != change.get("Delete", {}).get("IndexName")]
    indexes = [*stays, change["Create"]] if "Create" in change else stays
    names = {"id"} | {key["AttributeName"] for index in indexes for key in index["KeySchema"]}
    client.update_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": it, "AttributeType": "S"} for it in sorted(names)],
        GlobalSecondaryIndexUpdates=[change],
    )

    def is_active() -> bool:
        found = client.describe_table(TableName=table)["Table"]
        states = {it["IndexStatus"] for it in found.get("GlobalSecondaryIndexes", [])}
        return states <= {"ACTIVE"} and found["TableStatus"] == "ACTIVE"

    assert eventually(is_active)


def new_indexes() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = resources("AWS::DynamoDB::Table")["UsersTable"][
        "GlobalSecondaryIndexes"
    ]
    return found


def shown(sort: str) -> list[User]:
    return [*UserRepository().list([*UserStatus], sort, ALL, False).items]


def listed_by_old_code() -> int:
    query = dynamodb().query(
        TableName=tables.users(),
        IndexName="by_status",
        KeyConditionExpression="#status = :active",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":active": {"S": "active"}},
    )
    return len([decode(item) for item in query["Items"]])


def test_filled_table_gets_indexes_one_at_a_time_and_items_get_their_keys() -> None:
    dynamodb().delete_table(TableName=tables.users())
    dynamodb().create_table(TableName=tables.users(), **OLD)
    users = [sign_up() for _ in range(30)]
    for user in users:
        unlist("users", {"id": user.id})

    for index in new_indexes():
        update(dynamodb(), tables.users(), {"Create": index})
        assert listed_by_old_code() == 30
    assert shown("createdAt") == shown("name") == shown("email") == []

    Engine(dynamodb(), Rate(1_000_000), 2).run(MIGRATION)
    assert shown("createdAt") == users
    assert shown("name") == users  # all have one name, so they are sorted by id
    assert shown("email") == sorted(users, key=lambda user: user.email)
    assert listed_by_old_code() == 30

    update(dynamodb(), tables.users(), {"Delete": {"IndexName": "by_status"}})
    assert shown("createdAt") == users
