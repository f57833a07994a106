"""Costs of pages and searches at any size; `make bench-lists` measures far larger ones."""

from collections.abc import Iterator
from typing import Any  # `Any`: the response of an operation

import pytest

from shop.clients import dynamodb
from shop.dynamo import tables
from shop.dynamo.codec import encode
from shop.search import grams_to_try
from shop.users.search import MAX_GRAMS
from tests.benchmarks.lists import dataset, fill, reads
from tests.benchmarks.lists.ledger import Ledger, billed_writes
from tests.benchmarks.lists.meter import metered_reads
from tests.benchmarks.lists.report import Reads
from tests.support.aws_mock import fresh_aws

pytestmark = pytest.mark.dynamodb_local
LISTS = ("users, all, -createdAt", "users, active, name", "users, all, -email")


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


def test_cost_of_pages_and_searches_is_equal_for_five_times_the_users() -> None:
    found = Reads({}, {}, {})
    grams = frozenset(gram for term in reads.TERMS for gram in grams_to_try(term)[:MAX_GRAMS])
    everyone = [*dataset.users(0, 5_000)]
    for first, size in ((0, 1_000), (1_000, 5_000)):
        fill.add_users(everyone[first:size])
        fill.project_partly(everyone[first:size], grams)
        there = everyone[:size]
        found.add(size, [it for it in reads.of_users(there) if it.title in LISTS])
        found.add(size, reads.of_searches(there, reads.max_search_units(400, 120)))

    assert len(found.costs) == len(LISTS) + 2 * len(reads.TERMS)
    assert found.grown(1.2) == []


def test_measured_cost_of_reads_equals_the_billed_one() -> None:
    """12 users of 350 bytes exceed 4 KB; reads of missing items cost as well."""
    table = tables.users()
    shard = {":shard": {"S": "active#0"}}
    condition: dict[str, Any] = {
        "TableName": table,
        "IndexName": "by_id",
        "KeyConditionExpression": "status_shard = :shard",
    }
    with metered_reads() as cost:
        dynamodb().query(**condition, ExpressionAttributeValues=shard)
    assert (cost.units, cost.calls) == (0.5, 1)

    users = [user for user in dataset.users(0, 200) if user.status == "active"]
    fill.add_users(users)
    with metered_reads() as cost:
        dynamodb().query(
            **condition,
            ExpressionAttributeValues=shard,
            Limit=12,
        )
    assert cost.units == 1.0

    keys = [encode({"id": id_}) for id_ in (users[0].id, "nobody")]
    with metered_reads() as cost:
        dynamodb().batch_get_item(RequestItems={table: {"Keys": keys}})
    assert cost.units == 1.0


@pytest.mark.parametrize("size", [100, 1_000, 1_500, 5_000])
def test_measured_cost_of_writes_equals_that_of_dynamodb_local(size: int) -> None:
    """Single writes: create, change, move in an index, and delete."""
    table, key = tables.users(), {"id": {"S": "someone"}}
    billed, reported = [], []

    def count(ledger: Ledger, response: Any) -> None:
        billed.append(ledger.units)
        reported.append(response["ConsumedCapacity"]["CapacityUnits"])

    for version, name in ((1, "a"), (2, "a"), (3, "b")):
        item = {"id": "someone", "status_shard": "active#0", "name_key": name, "version": version}
        whole = encode(item | {"text": "x" * size})
        with billed_writes() as ledger:
            response: Any = dynamodb().put_item(
                TableName=table, Item=whole, ReturnConsumedCapacity="TOTAL"
            )
        count(ledger, response)
    with billed_writes() as ledger:
        response = dynamodb().update_item(
            TableName=table,
            Key=key,
            UpdateExpression="SET #text = :text",
            ExpressionAttributeNames={"#text": "text"},
            ExpressionAttributeValues={":text": {"S": "short"}},
            ReturnConsumedCapacity="TOTAL",
        )
    count(ledger, response)
    with billed_writes() as ledger:
        response = dynamodb().delete_item(TableName=table, Key=key, ReturnConsumedCapacity="TOTAL")
    count(ledger, response)

    assert billed == reported
