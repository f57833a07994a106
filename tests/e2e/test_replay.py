"""Replays change nothing twice, and dead-lettered events are found and published again."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from shop.identifiers import new_id
from tests.support.deployed_shop import Shop
from tests.support.event_listener import Listener
from tests.support.event_sources import Queue
from tests.support.order_queue import completion_lines, placed, queue_with
from tests.support.waiting import eventually
from tools.deployments import Deployment
from tools.replay import replay


@pytest.fixture(scope="module")
def bus(shop: Shop) -> Iterator[Listener]:
    listener = Listener(shop.stack)
    yield listener
    listener.close()


@pytest.fixture(scope="module")
def deployment(shop: Shop) -> Deployment:
    return Deployment("default", shop.stack.info_file)


@pytest.fixture(autouse=True)
def purged_queue(shop: Shop) -> None:
    """Purge pointers of other tests."""
    queue = shop.resources["UnpublishedEvents"]
    shop.stack.client("sqs").purge_queue(QueueUrl=queue)


def records(shop: Shop, table: str) -> list[dict[str, Any]]:
    """Return all records of a stream; the local cloud has one shard per stream."""
    dynamodb, streams = shop.stack.client("dynamodb"), shop.stack.client("dynamodbstreams")
    described = dynamodb.describe_table(TableName=shop.resources[table])["Table"]
    stream = described["LatestStreamArn"]
    [shard] = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    found: list[dict[str, Any]] = []
    while page := streams.get_records(ShardIterator=iterator):
        if not page["Records"]:
            return found
        found += [it | {"stream": stream, "shard": shard["ShardId"]} for it in page["Records"]]
        iterator = page["NextShardIterator"]
    return found


def pointer(batch: list[dict[str, Any]], **more: str) -> str:
    """Return Lambda's message for a batch that ran out of retries."""
    first, last = (batch[it]["dynamodb"]["SequenceNumber"] for it in (0, -1))
    info = {
        "startSequenceNumber": first,
        "endSequenceNumber": last,
        "batchSize": len(batch),
        "streamArn": batch[0]["stream"],
    }
    return json.dumps({"version": "1.0", "DDBStreamBatchInfo": info | more})


def kept(queue: Queue) -> int:
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    return sum(int(queue.attribute(name)) for name in names)


def ids(bus: Listener, *subjects: str) -> set[str]:
    return {event["id"] for event in bus.of(*subjects)}


def test_dead_lettered_events_are_published_again_under_the_same_ids(
    shop: Shop, bus: Listener, deployment: Deployment
) -> None:
    people = [shop.sign_up().id for _ in range(3)]
    for person in people:
        bus.hears(person, "user.registered")
    before, everything = ids(bus, *people), shop.everything_about(*people)
    stream = records(shop, "UsersTable")
    batch = [it for it in stream if it["dynamodb"]["Keys"]["id"]["S"] in people]
    queue = Queue(shop.stack, shop.resources["UnpublishedEvents"])
    queue.send(pointer(batch, shardId=batch[0]["shard"]))
    queue.send(pointer(batch[1:2]))

    assert replay(deployment, "UnpublishedEvents") == (2, 0)

    assert eventually(lambda: len(bus.of(*people)) == 7)
    assert bus.is_quiet(*people)
    assert ids(bus, *people) == before
    assert queue.is_empty()
    assert shop.everything_about(*people) == everything


def test_replay_of_a_long_stream_section_changes_nothing(
    shop: Shop, bus: Listener, deployment: Deployment
) -> None:
    tables = ("UsersTable", "OrdersTable")
    # Earlier records include unpublishable ones of other tests.
    earlier = {table: len(records(shop, table)) for table in tables}
    with queue_with(shop.stack, DelaySeconds="0"):
        for _ in range(5):
            person, order, _ = placed(shop)
            bus.hears(order, "order.placed", "order.processing")
    before = ids(bus, order, person.id)
    everything = shop.everything_about(order, person.id)
    queue = Queue(shop.stack, shop.resources["UnpublishedEvents"])
    for table in tables:
        queue.send(pointer(records(shop, table)[earlier[table] :]))

    assert replay(deployment, "UnpublishedEvents") == (2, 0)

    # Six events: each of the three twice.
    assert eventually(lambda: len(bus.of(order, person.id)) == 6)
    assert ids(bus, order, person.id) == before
    assert shop.everything_about(order, person.id) == everything


def test_event_that_still_fails_is_dead_lettered_again_and_kept(
    shop: Shop, deployment: Deployment
) -> None:
    key = {"id": {"S": new_id()}}
    table = {"TableName": shop.resources["UsersTable"]}
    queue = Queue(shop.stack, shop.resources["UnpublishedEvents"])
    shop.stack.client("dynamodb").put_item(**table, Item=key)
    assert eventually(lambda: not queue.is_empty())

    replay(deployment, "UnpublishedEvents")
    assert kept(queue) == 1

    # The deletion of this item cannot be published either.
    shop.stack.client("dynamodb").delete_item(**table, Key=key)
    assert eventually(lambda: kept(queue) == 2)
    shop.stack.client("sqs").purge_queue(QueueUrl=queue.url)


def test_record_expired_from_the_stream_is_not_counted_as_published(
    shop: Shop, deployment: Deployment
) -> None:
    shop.sign_up()
    last = records(shop, "UsersTable")[-1]
    queue = Queue(shop.stack, shop.resources["UnpublishedEvents"])
    forgotten = json.loads(pointer([last]))
    forgotten["DDBStreamBatchInfo"]["batchSize"] = 2
    queue.send(json.dumps(forgotten))

    assert replay(deployment, "UnpublishedEvents") == (0, 1)
    # Immediately, without waiting for the visibility timeout of the messages read.
    assert replay(deployment, "UnpublishedEvents") == (0, 1)

    assert not queue.is_empty()
    shop.stack.client("sqs").purge_queue(QueueUrl=queue.url)


def test_archive_replay_changes_nothing(shop: Shop, bus: Listener) -> None:
    began = datetime.now(UTC) - timedelta(seconds=1)
    with queue_with(shop.stack, DelaySeconds="0"):
        person, order, product = placed(shop)
        bus.hears(order, "order.placed", "order.processing")
        path = f"/api/users/{person.id}/orders/{order}"
        assert shop.admin.http.patch(path, json={"status": "cancelled"}).is_success
        before = bus.hears(order, "order.placed", "order.processing", "order.cancelled")
        everything = shop.everything_about(person.id, order, product["id"])
        events = shop.stack.client("events")
        archive = events.describe_archive(ArchiveName=shop.resources["EventArchive"])
        assert archive["RetentionDays"] == 30

        events.start_replay(
            ReplayName=f"replay-{uuid4().hex[:8]}",
            EventSourceArn=archive["ArchiveArn"],
            EventStartTime=began,
            EventEndTime=datetime.now(UTC) + timedelta(seconds=1),
            Destination={"Arn": archive["EventSourceArn"]},
        )

        assert eventually(lambda: len(bus.of(order)) == 6)
        assert eventually(lambda: len(completion_lines(shop, order)) == 2)
    assert bus.of(order)[3:] == before
    assert bus.is_quiet(order)
    assert shop.everything_about(person.id, order, product["id"]) == everything
    assert shop.stock(product) == 10
