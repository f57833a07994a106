"""Patches of EventBridge: rules, queues, dead letters and the archive."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.support.event_sources import Queue, invocations
from tests.support.waiting import eventually
from tools.local_cloud.stack import LocalStack

AT = datetime(2026, 5, 1, 10, tzinfo=UTC)


class Bus:
    """The bus of the stack and the queues of its rule, empty at the start of a test."""

    def __init__(self, stack: LocalStack) -> None:
        self.events = stack.client("events")
        resources = stack.resources()
        self.name = resources["Bus"]
        self.archive = resources["Archive"]
        self.placed, self.closed, self.dead = (
            Queue(stack, resources[it]) for it in ("Placed", "Closed", "DeadLetters")
        )

    def put(self, *entries: dict[str, Any]) -> dict[str, Any]:
        response: dict[str, Any] = self.events.put_events(
            Entries=[{"EventBusName": self.name} | it for it in entries]
        )
        return response


def placed(order: str, **more: Any) -> dict[str, Any]:
    detail = json.dumps({"kind": "placed", "order": order})
    return {"Source": "shop", "DetailType": "OrderPlaced", "Detail": detail} | more


@pytest.fixture
def bus(stack: LocalStack) -> Iterator[Bus]:
    bus = Bus(stack)
    yield bus
    for queue in (bus.placed, bus.closed, bus.dead):
        stack.client("sqs").purge_queue(QueueUrl=queue.url)


def test_event_is_delivered_in_the_format_of_each_target(bus: Bus) -> None:
    response = bus.put(placed("1", Time=AT), placed("2", Source="other"))

    assert response["FailedEntryCount"] == 0
    by_path, transformed = map(json.loads, bus.placed.received(2))
    assert by_path == {"kind": "placed", "order": "1"}
    assert transformed == {"order": "1", "text": "placed at 2026-05-01T10:00:00Z"}
    assert bus.placed.is_empty()


def test_event_invokes_the_function_of_a_rule(bus: Bus, stack: LocalStack) -> None:
    order = uuid4().hex

    bus.put(placed(order, Source="direct"))

    [invocation] = eventually(lambda: invocations(stack, order))
    assert invocation.records[0]["detail"]["order"] == order


def test_queue_without_a_policy_gets_no_event_but_a_dead_letter(bus: Bus) -> None:
    bus.put(placed("1"))

    [letter] = bus.dead.messages()
    event = json.loads(letter["Body"])
    attributes = {it: value["StringValue"] for it, value in letter["MessageAttributes"].items()}
    assert event["detail"] == {"kind": "placed", "order": "1"}
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"
    assert attributes["TARGET_ARN"] == bus.closed.arn
    assert ":rule/" in attributes["RULE_ARN"]
    assert bus.closed.is_empty()


def test_queue_policy_allows_its_own_rule_only(bus: Bus) -> None:
    rule = f"rule-{uuid4().hex[:8]}"
    bus.events.put_rule(Name=rule, EventBusName=bus.name, EventPattern='{"source": ["else"]}')
    bus.events.put_targets(
        Rule=rule, EventBusName=bus.name, Targets=[{"Id": "1", "Arn": bus.placed.arn}]
    )

    bus.put(placed("1", Source="else"))

    assert bus.placed.is_empty()


def test_malformed_entries_fail_alone(bus: Bus) -> None:
    response = bus.put(
        placed("1", Detail="no json"),
        placed("2", Detail="[]"),
        placed("3"),
        {"Source": "shop", "Detail": "{}"},
        placed("4", Source="aws.shop"),
    )

    codes = [it.get("ErrorCode") for it in response["Entries"]]
    assert response["FailedEntryCount"] == 4
    assert codes[:2] == ["MalformedDetail"] * 2
    assert codes[2:] == [None, "InvalidArgument", "NotAuthorizedForSourceException"]
    assert {json.loads(it)["order"] for it in bus.placed.received(2)} == {"3"}


def test_entries_over_256_kilobytes_are_rejected_together(bus: Bus) -> None:
    detail = json.dumps({"kind": "placed", "order": "x" * 132_000})

    with pytest.raises(ClientError, match="over the limit"):
        bus.put(placed("1", Detail=detail), placed("2", Detail=detail))

    assert bus.placed.is_empty()


def test_archived_event_is_replayed(bus: Bus) -> None:
    bus.put(placed("replayed"))
    bus.placed.received(2)
    archive = bus.events.describe_archive(ArchiveName=bus.archive)

    bus.events.start_replay(
        ReplayName=f"replay-{uuid4().hex[:8]}",
        EventSourceArn=archive["ArchiveArn"],
        EventStartTime=time.time() - 60,
        EventEndTime=time.time() + 60,
        Destination={"Arn": archive["EventSourceArn"]},
    )

    assert archive["RetentionDays"] == 1
    # The archive also has events of other tests.
    assert eventually(lambda: "replayed" in "".join(bus.placed.received()))
