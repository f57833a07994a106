"""Webhooks lose no event under our own faults, and a bad receiver does not slow the others."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.support.deployed_shop import Shop
from tests.support.fault_proxy import (
    SECRETS,
    FaultProxy,
    never_arrived,
    no_response,
    response_lost,
    service_error,
)
from tests.support.waiting import eventually
from tests.support.webhook_receiver import (
    Received,
    Receiver,
    Webhooks,
    kill_process_at,
    running_webhooks,
)
from tools.deployments import Deployment
from tools.redrive import redrive

# Any: endpoints are JSON.
type Json = dict[str, Any]
THROTTLED = service_error("ThrottlingException")


@pytest.fixture(scope="module")
def webhooks(shop: Shop) -> Iterator[Webhooks]:
    with running_webhooks(shop) as running:
        yield running


@pytest.fixture(autouse=True)
def no_endpoints(webhooks: Webhooks) -> Iterator[None]:
    yield
    webhooks.wait_until_idle()
    webhooks.shop.delete_webhook_endpoints()


@pytest.fixture
def soon_redelivered(webhooks: Webhooks) -> Iterator[None]:
    # Longer than an invocation on a slow machine, beside which another one would send again.
    with webhooks.queue.redelivery_after(10):
        yield


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.close()


@pytest.fixture
def endpoint(webhooks: Webhooks, receiver: Receiver) -> Json:
    return webhooks.shop.webhook_endpoint(url=receiver.url, eventTypes=["order.placed"])


@pytest.mark.usefixtures("soon_redelivered")
def test_worker_killed_between_sending_and_writing_sends_again(
    webhooks: Webhooks, receiver: Receiver, endpoint: Json
) -> None:
    killed = threading.Event()

    def kill_once(received: Received) -> int:
        if killed.is_set():
            return 200
        killed.set()
        kill_process_at(received.peer_port)
        return 0

    receiver.respond = kill_once
    [event_id] = webhooks.publish("order.placed")

    first, second = receiver.wait_for(event_id, 2)
    assert killed.is_set() and first.body == second.body
    assert webhooks.wait_for(endpoint, event_id, status="delivered")["attempts"]
    assert webhooks.failed.is_empty()


@pytest.mark.usefixtures("soon_redelivered")
def test_events_survive_a_database_that_fails(
    webhooks: Webhooks, receiver: Receiver, endpoint: Json, faults: FaultProxy
) -> None:
    table = webhooks.shop.resources["WebhooksTable"]
    with faults.on(THROTTLED, table=table) as hits:
        ids = webhooks.publish(*["order.placed"] * 20)
        # Each message fails after three tries of the SDK, and is received again.
        assert eventually(lambda: len(hits) >= 60)
    for event_id in ids:
        webhooks.wait_for(endpoint, event_id, status="delivered")

    assert {it.id for it in receiver.received} == {*ids}
    assert webhooks.failed.is_empty()


@pytest.mark.usefixtures("soon_redelivered")
@pytest.mark.parametrize(
    ("kind", "most"), [("lost", 1), ("throttled", 4), ("never arrived", 4), ("hanging", 4)]
)
def test_result_that_could_not_be_written_is_repeated(
    webhooks: Webhooks,
    receiver: Receiver,
    endpoint: Json,
    faults: FaultProxy,
    kind: str,
    most: int,
) -> None:
    fault = {
        "lost": response_lost,
        "throttled": THROTTLED,
        "never arrived": never_arrived,
        "hanging": no_response(30),
    }[kind]
    table = webhooks.shop.resources["WebhooksTable"]
    with faults.on(fault, "PutItem", table=table, times=3) as hits:
        [event_id] = webhooks.publish("order.placed")
        assert eventually(lambda: len(hits) >= (1 if kind == "lost" else 3))
    webhooks.wait_for(endpoint, event_id, status="delivered")
    webhooks.wait_until_idle()

    # At least once: a result that was written is never sent again.
    assert 1 <= len(receiver.of(event_id)) <= most


def test_replay_of_the_archive_sends_nothing_again(
    shop: Shop, webhooks: Webhooks, receiver: Receiver, endpoint: Json
) -> None:
    started = datetime.now(UTC)
    refused = webhooks.publish("order.placed")
    receiver.respond = lambda it: 500 if it.id in refused else 200
    ids = webhooks.publish(*["order.placed"] * 5)
    assert eventually(lambda: webhooks.count(endpoint) == 6)
    webhooks.wait_until_idle()
    later = Receiver()
    other = shop.webhook_endpoint(url=later.url, eventTypes=["order.placed"])
    shop.restart("SendWebhooks")

    events = shop.stack.client("events")
    archive = shop.resources["EventArchive"]
    name = f"again-{uuid4().hex[:8]}"
    bus = events.describe_event_bus(Name=shop.resources["Bus"])["Arn"]
    rule = events.describe_rule(
        Name=shop.resources["WebhookEventsRule"].rpartition("|")[2],
        EventBusName=shop.resources["Bus"],
    )["Arn"]
    events.start_replay(
        ReplayName=name,
        EventSourceArn=events.describe_archive(ArchiveName=archive)["ArchiveArn"],
        EventStartTime=started - timedelta(seconds=1),
        EventEndTime=started + timedelta(hours=1),
        Destination={"Arn": bus, "FilterArns": [rule]},
    )

    # An endpoint that was created after the events gets them.
    for event_id in (*ids, *refused):
        later.wait_for(event_id)
        webhooks.wait_for(other, event_id, status="delivered")
    webhooks.wait_until_idle()
    assert len(receiver.of(*ids, *refused)) == 6
    later.close()


def test_receiver_that_never_responds_does_not_slow_the_others(
    shop: Shop, webhooks: Webhooks, receiver: Receiver, endpoint: Json
) -> None:
    silent = Receiver()
    silent.respond = silent.is_silent
    dead = shop.webhook_endpoint(url=silent.url, eventTypes=["order.placed"])

    ids = webhooks.publish(*["order.placed"] * 60)

    for event_id in ids:
        webhooks.wait_for(endpoint, event_id, status="delivered")
    # It rests after five failures; those that were under way are the others.
    assert len(silent.received) <= 45
    assert eventually(lambda: webhooks.state(dead)["rests_until"])
    waits = [it for it in webhooks.deliveries(dead) if not it["attempts"]]
    webhooks.wait_until_idle()
    assert webhooks.count(dead) == 60 and waits
    assert webhooks.failed.is_empty()
    silent.close()


@pytest.mark.usefixtures("soon_redelivered")
def test_own_failures_become_dead_letters_and_a_redrive_sends_them(
    shop: Shop, webhooks: Webhooks, receiver: Receiver, endpoint: Json, faults: FaultProxy
) -> None:
    policy = json.loads(webhooks.queue.attribute("RedrivePolicy"))

    def receive(times: int) -> None:
        webhooks.queue.change("RedrivePolicy", json.dumps(policy | {"maxReceiveCount": times}))

    receive(2)
    shop.restart("SendWebhooks")  # which has no secret yet
    try:
        with faults.on(service_error("AccessDeniedException"), service=SECRETS):
            [event_id] = webhooks.publish("order.placed")
            assert eventually(lambda: not webhooks.failed.is_empty())
        assert not receiver.received
    finally:
        receive(policy["maxReceiveCount"])

    moved = redrive(Deployment("default", shop.stack.info_file), "WebhooksToSendFailed")

    assert moved >= 1
    webhooks.wait_for(endpoint, event_id, status="delivered")
