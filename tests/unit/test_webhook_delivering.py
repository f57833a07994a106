"""From an event to its receivers: first attempts, retries, rests, sweeps and disabled endpoints."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from shop.clock import from_text, to_text
from shop.identifiers import made_at, new_id
from shop.webhooks.delivering import SWEEP_SECONDS, WebhookDeliverer
from shop.webhooks.messages import message_of
from shop.webhooks.models import (
    DeliveryStatus,
    DisabledReason,
    Failure,
    Message,
    Outcome,
    WebhookDelivery,
    WebhookEndpoint,
)
from shop.webhooks.signing import derive_secret, secret_text
from tests.fakes.webhook_store import (
    FakeEmailQueue,
    FakeSender,
    FakeWebhookQueue,
    FakeWebhookStore,
)
from tests.support.fixtures import ADMIN, NOON
from tests.support.log_lines import LogLines
from tests.support.sample_items import webhook_delivery, webhook_endpoint

OK = Outcome(None, 200, 12)
REFUSED = Outcome(Failure.STATUS, 503, 12, excerpt="later")
TIMEOUT = Outcome(Failure.TIMEOUT, None, 10_000)
GONE = Outcome(Failure.STATUS, 410, 12)
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
ENDPOINT = webhook_endpoint()
RESTING = ENDPOINT._replace(failures=5, rests_until=NOON + MINUTE, rest_seconds=60)
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "0190a6b2-7c9e-5b1a-8f00-0000000000ab",
    "source": "/shop",
    "type": "order.placed",
    "subject": "0190a6b2-7c9e-7b1a-8f00-0000000000c1",
    "time": "2026-11-22T12:00:00.123Z",
    "correlationid": "6f7c8a52-3d5e-4b7e-9a53-2f1f0a9d4e11",
    "data": {"note": "grüße"},
}
MESSAGE = message_of(ENDPOINT.id, EVENT)


def secret_of(endpoint_id: str, version: int) -> bytes:
    return derive_secret(b"master", endpoint_id, version)


class World:
    """A deliverer with fakes, at a time that the test sets."""

    def __init__(self, *endpoints: WebhookEndpoint, outcome: Outcome = OK) -> None:
        self.store = FakeWebhookStore(*(endpoints or [ENDPOINT]))
        self.queue = FakeWebhookQueue()
        self.emails = FakeEmailQueue()
        self.sender = FakeSender(outcome)
        self.now = NOON
        self.seconds = 0.0
        self.deliverer = WebhookDeliverer(
            self.store,
            self.queue,
            self.emails,
            self.sender,
            secret_of,
            lambda: self.now,
            lambda: self.seconds,
        )

    @property
    def endpoint(self) -> WebhookEndpoint:
        return self.store.endpoints[ENDPOINT.id]

    @property
    def row(self) -> WebhookDelivery:
        return self.store.rows[ENDPOINT.id, MESSAGE.delivery_id]

    def keep(self, number: int, at: datetime = NOON) -> list[WebhookDelivery]:
        """Store deliveries that are due from then on, a millisecond apart."""
        rows = [
            webhook_delivery(id=new_id(), next_attempt_at=at + timedelta(milliseconds=n))
            for n in range(number)
        ]
        for row in rows:
            self.store.add_delivery(row)
        self.store.writes.clear()
        return rows

    def statuses(self) -> list[str]:
        return [it.status.value for it in self.store.rows.values()]


# Messages


def test_message_of_an_event_is_the_same_whenever_it_comes() -> None:
    again = message_of(ENDPOINT.id, json.loads(json.dumps(EVENT)))

    assert again == MESSAGE
    assert made_at(MESSAGE.delivery_id) == from_text(str(EVENT["time"]))
    assert json.loads(MESSAGE.body) == EVENT
    assert ": " not in MESSAGE.body and "grüße" in MESSAGE.body
    assert message_of(new_id(), EVENT).delivery_id != MESSAGE.delivery_id
    assert message_of(ENDPOINT.id, EVENT | {"id": new_id()}).delivery_id != MESSAGE.delivery_id


# Events


def test_event_is_queued_for_each_endpoint_that_wants_it() -> None:
    all_events = webhook_endpoint(id=new_id(), event_types=["*"])
    others = [
        webhook_endpoint(id=new_id(), event_types=["user.deleted"]),
        webhook_endpoint(id=new_id()).disabled(DisabledReason.ADMIN),
    ]
    world = World(ENDPOINT, all_events, *others)

    world.deliverer.publish(EVENT, may_be_known=False)

    assert world.queue.messages == [MESSAGE, message_of(all_events.id, EVENT)]
    assert not world.store.rows and not world.sender.sent


def test_event_waits_for_the_end_of_a_rest() -> None:
    world = World(RESTING)

    world.deliverer.publish(EVENT, may_be_known=False)

    assert not world.queue.messages
    assert (world.row.next_attempt_at, world.row.attempts) == (NOON + MINUTE, ())
    over = World(RESTING)
    over.now = NOON + 5 * MINUTE
    over.deliverer.publish(EVENT, may_be_known=False)
    assert over.row.next_attempt_at == over.now


def test_known_event_is_queued_only_without_a_row() -> None:
    other = webhook_endpoint(id=new_id())
    world = World(ENDPOINT, other)
    world.store.add_delivery(WebhookDelivery.of(MESSAGE, NOON, NOON))

    world.deliverer.publish(EVENT, may_be_known=True)

    assert world.queue.messages == [message_of(other.id, EVENT)]


def test_each_event_goes_to_the_endpoints_of_its_moment() -> None:
    world = World()
    endpoints = dict(world.store.endpoints)
    world.store.endpoints.clear()
    world.deliverer.publish(EVENT, may_be_known=False)
    assert not world.queue.messages

    world.store.endpoints |= endpoints
    world.deliverer.publish(EVENT, may_be_known=False)
    assert len(world.queue.messages) == 1

    world.store.endpoints.clear()
    world.deliverer.publish(EVENT, may_be_known=False)
    assert len(world.queue.messages) == 1


# First attempts


def test_accepted_first_attempt_has_one_write() -> None:
    world = World()

    world.deliverer.attempt_first(MESSAGE, may_be_known=False)

    assert world.row.status is DeliveryStatus.DELIVERED
    assert [it.status for it in world.row.attempts] == [200]
    assert world.store.writes == ["delivery"]
    assert world.endpoint == ENDPOINT


def test_request_is_signed_and_has_the_bytes_of_the_message() -> None:
    world = World(
        ENDPOINT._replace(secret_version=2, previous_secret_expires_at=datetime.now(NOON.tzinfo))
    )
    world.now = datetime.now(NOON.tzinfo) - SECOND

    world.deliverer.attempt_first(MESSAGE, may_be_known=False)

    [(target, headers, body)] = world.sender.sent
    assert target.url == ENDPOINT.url
    assert body == MESSAGE.body.encode()
    assert headers["webhook-id"] == EVENT["id"]
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"] == "shop-webhooks/1"
    for version in (1, 2):
        secret = secret_text(secret_of(ENDPOINT.id, version))
        assert Webhook(secret).verify(body, dict(headers)) == EVENT
    assert len(headers["webhook-signature"].split()) == 2


def test_refused_first_attempt_waits_a_minute() -> None:
    world = World(outcome=REFUSED)

    world.deliverer.attempt_first(MESSAGE, may_be_known=False)

    assert world.row.status is DeliveryStatus.PENDING
    assert world.row.next_attempt_at is not None
    assert 54 * SECOND <= world.row.next_attempt_at - NOON <= 66 * SECOND
    assert world.row.response == "later"
    assert (world.endpoint.failures, world.endpoint.failing_since) == (1, NOON)


def test_second_copy_of_a_message_sends_nothing() -> None:
    world = World()
    world.deliverer.attempt_first(MESSAGE, may_be_known=False)

    world.deliverer.attempt_first(MESSAGE, may_be_known=True)

    assert len(world.sender.sent) == 1


@pytest.mark.parametrize(
    "endpoint", [None, ENDPOINT.disabled(DisabledReason.GONE)], ids=["deleted", "disabled"]
)
def test_nothing_is_sent_to_a_deleted_or_disabled_endpoint(
    endpoint: WebhookEndpoint | None,
) -> None:
    world = World(*([endpoint] if endpoint else [webhook_endpoint(id=new_id())]))

    world.deliverer.attempt_first(MESSAGE, may_be_known=False)
    world.deliverer.sweep(ENDPOINT.id)
    world.keep(1)
    world.deliverer.attempt_again(ENDPOINT.id, [*world.store.rows][0][1])
    world.deliverer.start_sweeps()
    world.deliverer.sweep(ENDPOINT.id)

    assert not world.sender.sent and not world.queue.swept
    assert world.statuses() == ["pending"]


def test_first_attempt_during_a_rest_becomes_a_row() -> None:
    world = World(RESTING)

    world.deliverer.attempt_first(MESSAGE, may_be_known=False)

    assert not world.sender.sent
    assert world.row.next_attempt_at == NOON + MINUTE


def test_url_that_the_deployment_no_longer_accepts_is_not_sent_to() -> None:
    world = World(ENDPOINT._replace(url="ftp://127.0.0.1/"))

    world.deliverer.attempt_first(MESSAGE, may_be_known=False)

    assert not world.sender.sent
    assert world.row.attempts[0].failure is Failure.ADDRESS


def test_attempt_is_logged_without_the_url(log: LogLines) -> None:
    World(outcome=REFUSED).deliverer.attempt_first(MESSAGE, may_be_known=False)

    [line] = [it for it in log() if it["message"] == "webhook"]
    fields = ("endpoint_id", "host", "status", "failure", "attempt", "milliseconds", "request_id")
    assert [line[name] for name in fields] == [
        ENDPOINT.id,
        "hooks.example.com",
        503,
        "status",
        1,
        12,
        EVENT["correlationid"],
    ]
    assert line["WebhooksRefused"] == 1
    assert "/in" not in json.dumps(line)


# The breaker


def test_five_failures_begin_a_rest() -> None:
    world = World(outcome=TIMEOUT)
    messages = [message_of(ENDPOINT.id, EVENT | {"id": new_id()}) for _ in range(7)]

    for message in messages:
        world.deliverer.attempt_first(message, may_be_known=False)

    assert len(world.sender.sent) == 5
    assert world.endpoint.rests_until == NOON + MINUTE
    assert len(world.store.rows) == 7


def test_success_ends_the_count_of_failures_after_its_start() -> None:
    world = World()
    first, second = (message_of(ENDPOINT.id, EVENT | {"id": new_id()}) for _ in range(2))

    def fails() -> None:
        world.sender.meanwhile = lambda: None
        world.sender.outcomes = [REFUSED]
        world.deliverer.attempt_first(first, may_be_known=False)
        assert world.endpoint.failures == 1
        world.sender.outcomes = [OK]

    world.sender.meanwhile = fails
    world.deliverer.attempt_first(second, may_be_known=False)

    assert (world.endpoint.failures, world.endpoint.failing_since) == (0, None)


def test_failures_of_concurrent_attempts_all_count() -> None:
    world = World(outcome=REFUSED)
    other = ENDPOINT._replace(failures=1, failing_since=NOON - MINUTE, version=2)
    world.sender.meanwhile = lambda: world.store.endpoints.update({ENDPOINT.id: other})

    world.deliverer.attempt_first(MESSAGE, may_be_known=False)

    assert (world.endpoint.failures, world.endpoint.failing_since) == (2, NOON - MINUTE)


def test_failure_does_not_bring_a_deleted_endpoint_back() -> None:
    world = World(outcome=REFUSED)
    world.sender.meanwhile = world.store.endpoints.clear

    world.deliverer.attempt_first(MESSAGE, may_be_known=False)

    assert not world.store.endpoints


@pytest.mark.parametrize(
    ("outcome", "since", "reason"),
    [(GONE, NOON, "gone"), (REFUSED, NOON - timedelta(hours=72), "failing")],
)
def test_disabled_endpoint_is_announced_once_to_the_admin_who_made_it(
    outcome: Outcome, since: datetime, reason: str, log: LogLines
) -> None:
    endpoint = webhook_endpoint(created_by=ADMIN.id, failing_since=since, failures=1)
    world = World(endpoint, outcome=outcome)

    for number in range(2):
        message = message_of(ENDPOINT.id, EVENT | {"id": new_id()})
        world.deliverer.attempt_first(message, may_be_known=False)
        if number == 0:
            # A concurrent attempt, which read the endpoint before.
            world.store.endpoints[ENDPOINT.id] = endpoint

    assert world.endpoint.disabled_reason == reason
    data = {"userId": ADMIN.id, "host": "hooks.example.com", "reason": reason}
    assert [*world.emails.emails.values()] == [("mail.webhook_disabled", data)]
    assert world.statuses() == ["pending", "pending"]
    assert sum(it.get("WebhookEndpointsDisabled", 0) for it in log()) == 2


def test_endpoint_of_an_application_is_disabled_without_an_email() -> None:
    world = World(webhook_endpoint(created_by=None), outcome=GONE)

    world.deliverer.attempt_first(MESSAGE, may_be_known=False)

    assert not world.endpoint.is_active
    assert not world.emails.emails


# Sweeps


def test_sweeps_are_queued_for_endpoints_with_due_deliveries() -> None:
    resting, over = (webhook_endpoint(id=new_id(), rests_until=NOON + n * SECOND) for n in (1, 0))
    disabled = webhook_endpoint(id=new_id()).disabled(DisabledReason.ADMIN)
    later, without = webhook_endpoint(id=new_id()), webhook_endpoint(id=new_id())
    world = World(ENDPOINT, resting, over, disabled, later, without)
    for endpoint in (ENDPOINT, resting, over, disabled):
        world.store.add_delivery(webhook_delivery(endpoint_id=endpoint.id))
    world.store.add_delivery(webhook_delivery(endpoint_id=later.id, next_attempt_at=NOON + SECOND))

    world.deliverer.start_sweeps()

    assert world.queue.swept == [ENDPOINT.id, over.id]
    assert not world.sender.sent


def test_sweep_attempts_all_that_is_due_and_nothing_else() -> None:
    world = World()
    world.keep(20, NOON - MINUTE)
    world.keep(1, NOON + SECOND)

    world.deliverer.sweep(ENDPOINT.id)

    assert world.statuses() == [*["delivered"] * 20, "pending"]
    assert not world.queue.swept


def test_only_one_sweep_of_an_endpoint_runs() -> None:
    world = World()
    world.keep(1)
    world.sender.meanwhile = lambda: world.deliverer.sweep(ENDPOINT.id)

    world.deliverer.sweep(ENDPOINT.id)

    assert len(world.sender.sent) == 1


def test_rest_ends_with_a_single_probe() -> None:
    world = World(RESTING._replace(rests_until=NOON), outcome=REFUSED)
    rows = world.keep(20, NOON - MINUTE)

    world.deliverer.sweep(ENDPOINT.id)

    assert len(world.sender.sent) == 1
    assert len(world.store.rows[ENDPOINT.id, rows[0].id].attempts) == 1
    assert world.endpoint.rests_until == NOON + 2 * MINUTE


def test_successful_probe_lets_the_others_follow() -> None:
    world = World(RESTING._replace(rests_until=NOON, failing_since=NOON - MINUTE))
    world.keep(20, NOON - MINUTE)

    world.deliverer.sweep(ENDPOINT.id)

    assert world.statuses() == ["delivered"] * 20
    assert not world.endpoint.is_resting
    assert (world.endpoint.failing_since, world.endpoint.failures) == (None, 0)


def test_sweep_stops_when_the_endpoint_begins_to_rest() -> None:
    world = World(outcome=REFUSED)
    world.keep(40, NOON - MINUTE)

    world.deliverer.sweep(ENDPOINT.id)

    assert len(world.sender.sent) == 8
    assert world.endpoint.is_resting


def test_long_sweep_queues_another_one_and_ends_its_lease() -> None:
    world = World()
    world.keep(20, NOON - MINUTE)

    def slow() -> None:
        world.seconds = SWEEP_SECONDS + 1

    world.sender.meanwhile = slow
    world.deliverer.sweep(ENDPOINT.id)

    assert len(world.sender.sent) == 8
    assert world.queue.swept == [ENDPOINT.id]
    world.seconds = 0
    world.sender.meanwhile = lambda: None
    world.deliverer.sweep(ENDPOINT.id)
    assert world.statuses() == ["delivered"] * 20


def test_sweep_after_a_long_sweep_that_reached_all_is_not_queued() -> None:
    world = World()
    world.keep(8, NOON - MINUTE)

    def slow() -> None:
        world.seconds = SWEEP_SECONDS + 1

    world.sender.meanwhile = slow
    world.deliverer.sweep(ENDPOINT.id)

    assert not world.queue.swept


def test_redelivery_is_attempted_unless_the_endpoint_rests() -> None:
    active, resting = World(), World(RESTING)
    for world in (active, resting):
        [row] = world.keep(1)
        world.deliverer.attempt_again(ENDPOINT.id, row.id)
        world.deliverer.attempt_again(ENDPOINT.id, row.id)
        world.deliverer.attempt_again(ENDPOINT.id, new_id())

    assert len(active.sender.sent) == 1
    assert active.statuses() == ["delivered"]
    assert not resting.sender.sent


def test_later_attempts_send_the_same_bytes() -> None:
    world = World(outcome=REFUSED)
    world.deliverer.attempt_first(MESSAGE, may_be_known=False)
    assert world.row.next_attempt_at is not None
    world.now = world.row.next_attempt_at
    world.deliverer.sweep(ENDPOINT.id)

    (_, first, body), (_, second, same) = world.sender.sent
    assert body == same
    assert first["webhook-id"] == second["webhook-id"]
    assert first["webhook-timestamp"] != second["webhook-timestamp"]
    assert to_text(world.row.attempts[1].at) == to_text(world.now)


def test_result_of_an_attempt_that_a_redelivery_overtook_is_dropped() -> None:
    world = World(outcome=REFUSED)
    [row] = world.keep(1)
    requested = row.requested_again(NOON)
    key = (ENDPOINT.id, row.id)
    world.sender.meanwhile = lambda: world.store.rows.update({key: requested})

    world.deliverer.attempt_again(*key)

    assert world.store.rows[key] == requested


def test_dead_endpoint_costs_one_probe_per_rest() -> None:
    """80 hours with an event each 5 minutes; at 1 event a second, only rows would be added."""
    world = World(outcome=TIMEOUT)
    for minute in range(80 * 60):
        world.now = NOON + minute * MINUTE
        world.seconds = minute * 60.0
        if minute % 5 == 0:
            event = EVENT | {"id": new_id(), "time": to_text(world.now)}
            world.deliverer.publish(event, may_be_known=False)
            for message in world.queue.messages:
                world.deliverer.attempt_first(message, may_be_known=False)
            world.queue.messages.clear()
        world.deliverer.start_sweeps()
        for endpoint_id in world.queue.swept:
            world.deliverer.sweep(endpoint_id)
        world.queue.swept.clear()

    assert not world.endpoint.is_active
    assert 250 < len(world.sender.sent) < 350
    assert len(world.emails.emails) == 1


def test_message_has_every_field_of_the_queue() -> None:
    assert Message(**MESSAGE._asdict()) == MESSAGE
