"""Webhook endpoints and deliveries in DynamoDB."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from shop.caller import Role
from shop.clients import dynamodb
from shop.clock import to_text
from shop.dynamo import tables
from shop.dynamo.codec import encode
from shop.errors import Forbidden, LimitReached
from shop.http.response import Response
from shop.idempotency import Record
from shop.identifiers import id_of, new_id
from shop.pagination import PageRequest
from shop.retries import StaleVersion
from shop.webhooks.models import (
    MAX_ENDPOINTS,
    MAX_REQUESTS_PER_MINUTE,
    Attempt,
    DeliveryStatus,
    DisabledReason,
    Failure,
    WebhookDelivery,
    WebhookEndpoint,
)
from shop.webhooks.repository import KEPT_FOR, WebhookRepository
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import NOON
from tests.support.sample_items import webhook_delivery, webhook_endpoint
from tests.support.stored_shop import sign_up
from tools.redeliver_webhooks import failed_deliveries

REPOSITORY = WebhookRepository()
MINUTE = timedelta(minutes=1)
PENDING, DELIVERED, FAILED = DeliveryStatus


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


def kept(endpoint: WebhookEndpoint | None = None) -> WebhookEndpoint:
    endpoint = endpoint or webhook_endpoint(id=new_id())
    REPOSITORY.add(endpoint, None, None)
    return endpoint


def stored(**fields: object) -> WebhookDelivery:
    delivery = webhook_delivery(**{"id": new_id(), "event_id": str(uuid4()), **fields})
    assert REPOSITORY.add_delivery(delivery)
    return delivery


# Endpoints


@pytest.mark.parametrize(
    "endpoint",
    [
        webhook_endpoint(),
        webhook_endpoint(
            description="To the ERP",
            event_types=["*"],
            secret_version=3,
            previous_secret_expires_at=NOON + MINUTE,
            failing_since=NOON,
            created_by=None,
            failures=7,
            rests_until=NOON + MINUTE,
            rest_seconds=120,
        ),
        webhook_endpoint().disabled(DisabledReason.GONE),
    ],
    ids=["new", "failing", "disabled"],
)
def test_endpoint_is_read_as_written(endpoint: WebhookEndpoint) -> None:
    REPOSITORY.add(endpoint, None, None)

    assert REPOSITORY.get(endpoint.id) == endpoint
    assert REPOSITORY.get(new_id()) is None
    assert REPOSITORY.list() == [endpoint]


def test_endpoint_and_record_are_written_together() -> None:
    record = Record("key", b"digest", Response(201, {}, "{}"), NOON + timedelta(days=9999))

    REPOSITORY.add(endpoint := webhook_endpoint(), record, None)

    assert REPOSITORY.find_record("key") == record
    with pytest.raises(StaleVersion):
        REPOSITORY.add(webhook_endpoint(id=new_id()), record, None)
    assert REPOSITORY.list() == [endpoint]


def test_endpoints_are_limited_and_a_deleted_one_makes_room() -> None:
    endpoints = [kept() for _ in range(MAX_ENDPOINTS)]
    assert REPOSITORY.list() == endpoints

    with pytest.raises(LimitReached):
        kept()
    REPOSITORY.delete(endpoints[3], None)
    kept()

    assert len(REPOSITORY.list()) == MAX_ENDPOINTS
    with pytest.raises(StaleVersion):
        REPOSITORY.delete(endpoints[3], None)
    with pytest.raises(LimitReached):
        kept()


def test_changes_are_written_unless_another_was_faster() -> None:
    before = kept()
    after = before._replace(url="https://b.example.com/", description="B", version=2)

    REPOSITORY.save(before, after, None)

    assert REPOSITORY.get(before.id) == after
    with pytest.raises(StaleVersion):
        REPOSITORY.save(before, before._replace(url="https://c.example.com/"), None)
    with pytest.raises(StaleVersion):
        REPOSITORY.save_state(before, before._replace(failures=1))
    with pytest.raises(StaleVersion):
        REPOSITORY.delete(before, None)
    assert REPOSITORY.get(before.id) == after


def test_failures_are_counted_without_a_lost_update() -> None:
    before = kept()
    failing = before._replace(failures=1, failing_since=NOON, version=2)
    again = failing._replace(failures=2)
    resting = again._replace(failures=5, rests_until=NOON + MINUTE, rest_seconds=60)

    REPOSITORY.save_state(before, failing)
    REPOSITORY.save_state(failing, again)
    REPOSITORY.save_state(again, resting)

    assert REPOSITORY.get(before.id) == resting
    for read in (failing, again):
        with pytest.raises(StaleVersion):
            REPOSITORY.save_state(read, read._replace(failures=9))
    REPOSITORY.save_state(resting, resting._replace(rests_until=None, failures=0))


def test_deleted_endpoint_does_not_come_back() -> None:
    endpoint = kept()
    REPOSITORY.delete(endpoint, None)

    with pytest.raises(StaleVersion):
        REPOSITORY.save_state(endpoint, endpoint._replace(failures=1))
    assert not REPOSITORY.lease_sweep(endpoint.id, NOON, NOON + MINUTE)
    REPOSITORY.release_sweep(endpoint.id, NOON)

    assert REPOSITORY.get(endpoint.id) is None
    assert REPOSITORY.list() == []


def test_writes_need_an_active_admin() -> None:
    customer, admin = sign_up(), sign_up(Role.ADMIN)
    endpoint = kept()
    for id_ in (customer.id, new_id()):
        with pytest.raises(Forbidden):
            REPOSITORY.add(webhook_endpoint(id=new_id()), None, id_)
        with pytest.raises(Forbidden):
            REPOSITORY.save(endpoint, endpoint._replace(version=2), id_)
        with pytest.raises(Forbidden):
            REPOSITORY.delete(endpoint, id_)
    assert REPOSITORY.list() == [endpoint]

    REPOSITORY.delete(endpoint, admin.id)

    assert REPOSITORY.list() == []


def test_sweep_of_an_endpoint_has_one_lease() -> None:
    endpoint, other = kept(), kept()

    assert REPOSITORY.lease_sweep(endpoint.id, NOON, NOON + MINUTE)
    assert not REPOSITORY.lease_sweep(endpoint.id, NOON, NOON + MINUTE)
    assert REPOSITORY.lease_sweep(other.id, NOON, NOON + MINUTE)
    assert REPOSITORY.lease_sweep(endpoint.id, NOON + MINUTE, NOON + 2 * MINUTE)
    REPOSITORY.release_sweep(endpoint.id, NOON + MINUTE)
    assert REPOSITORY.lease_sweep(endpoint.id, NOON + MINUTE, NOON + 2 * MINUTE)

    assert REPOSITORY.get(endpoint.id) == endpoint


# Deliveries


@pytest.mark.parametrize(
    "delivery",
    [
        webhook_delivery(),
        webhook_delivery(
            status=DELIVERED, next_attempt_at=None, attempts=[Attempt(NOON, 200, None, 12)]
        ),
        webhook_delivery(
            status=FAILED,
            next_attempt_at=None,
            attempts=[
                Attempt(NOON, None, Failure.DNS, 3000),
                Attempt(NOON, 500, Failure.STATUS, 1),
            ],
            tries=2,
            response="Internal error ü",
            version=3,
        ),
    ],
    ids=["pending", "delivered", "failed"],
)
def test_delivery_is_read_as_written(delivery: WebhookDelivery) -> None:
    assert REPOSITORY.add_delivery(delivery)

    assert REPOSITORY.get_delivery(delivery.endpoint_id, delivery.id) == delivery
    assert REPOSITORY.find_delivery(delivery.endpoint_id, delivery.event_id) == delivery
    assert REPOSITORY.get_delivery(new_id(), delivery.id) is None
    assert REPOSITORY.find_delivery(new_id(), delivery.event_id) is None


def test_second_result_of_a_first_attempt_is_dropped() -> None:
    first = stored(status=DELIVERED, next_attempt_at=None)

    assert not REPOSITORY.add_delivery(first._replace(status=FAILED))

    assert REPOSITORY.get_delivery(first.endpoint_id, first.id) == first


def test_later_result_is_written_once() -> None:
    before = stored()
    after = before._replace(status=DELIVERED, next_attempt_at=None, version=2)

    assert REPOSITORY.save_delivery(before, after)
    assert not REPOSITORY.save_delivery(before, before._replace(tries=9, version=2))

    assert REPOSITORY.get_delivery(before.endpoint_id, before.id) == after
    assert not REPOSITORY.save_delivery(webhook_delivery(id=new_id()), after)


def due(endpoint_id: str, minutes: int = 0, after: str = "", limit: int = 10) -> list[str]:
    return [*REPOSITORY.due(endpoint_id, after, NOON + minutes * MINUTE, limit)]


def test_due_deliveries_are_pending_ones_in_order() -> None:
    endpoint_id = new_id()
    times = [NOON + minutes * MINUTE for minutes in (2, 0, 1, 9)]
    late, first, second, last = (
        stored(endpoint_id=endpoint_id, next_attempt_at=it) for it in times
    )
    stored(endpoint_id=endpoint_id, status=DELIVERED, next_attempt_at=None)
    stored(next_attempt_at=NOON)

    def ids(positions: list[str]) -> list[str]:
        return [it.rpartition("#")[2] for it in positions]

    assert ids(due(endpoint_id)) == [first.id]
    assert ids(due(endpoint_id, 5)) == [first.id, second.id, late.id]
    assert ids(due(endpoint_id, 5, limit=2)) == [first.id, second.id]
    assert ids(due(endpoint_id, 5, due(endpoint_id, 5)[0])) == [second.id, late.id]
    REPOSITORY.save_delivery(
        first, first._replace(status=DELIVERED, next_attempt_at=None, version=2)
    )
    assert ids(due(endpoint_id, 9)) == [second.id, late.id, last.id]


def test_deliveries_are_listed_by_status_newest_first() -> None:
    endpoint = kept()
    rows = [
        stored(
            endpoint_id=endpoint.id,
            status=status,
            next_attempt_at=NOON if status is PENDING else None,
        )
        for status in (PENDING, DELIVERED, PENDING, FAILED)
    ]
    stored(endpoint_id=new_id())
    REPOSITORY.count_request(endpoint.id, NOON)

    def listed(
        status: DeliveryStatus | None = None, after: str | None = None, limit: int = 10
    ) -> list[WebhookDelivery]:
        request = PageRequest(after, 0, limit)
        return [*REPOSITORY.deliveries(endpoint.id, status, request, is_descending=True).items]

    assert listed() == rows[::-1]
    assert listed(PENDING) == [rows[2], rows[0]]
    assert listed(DELIVERED) == [rows[1]]
    assert listed(FAILED) == [rows[3]]
    assert listed(limit=2) == [rows[3], rows[2]]
    assert listed(after=rows[2].id) == [rows[1], rows[0]]


def test_deliveries_expire_thirty_days_after_their_last_change() -> None:
    delivery = stored(updated_at=NOON)

    key = encode({"endpoint_id": delivery.endpoint_id, "id": delivery.id})
    item = dynamodb().get_item(TableName=tables.webhooks(), Key=key)["Item"]
    assert item["ttl"] == {"N": str(int((NOON + KEPT_FOR).timestamp()))}


def test_failed_deliveries_since_a_time_are_found_and_others_are_not() -> None:
    endpoint_id = new_id()
    old = id_of(int((NOON - MINUTE).timestamp() * 1000), 0)
    young, later = (id_of(int((NOON + n * MINUTE).timestamp() * 1000), 0) for n in (0, 1))
    for id_, status in ((old, FAILED), (young, FAILED), (later, FAILED), (new_id(), DELIVERED)):
        stored(id=id_, endpoint_id=endpoint_id, status=status, next_attempt_at=None)
    stored(status=FAILED, next_attempt_at=None)

    found = failed_deliveries(dynamodb(), tables.webhooks(), endpoint_id, NOON)

    assert [it.id for it in found] == [young, later]


def test_requests_are_limited_by_endpoint_and_minute() -> None:
    endpoint_id = new_id()
    for _ in range(MAX_REQUESTS_PER_MINUTE):
        assert REPOSITORY.count_request(endpoint_id, NOON)

    assert not REPOSITORY.count_request(endpoint_id, NOON + timedelta(seconds=59))
    assert REPOSITORY.count_request(endpoint_id, NOON + MINUTE)
    assert REPOSITORY.count_request(new_id(), NOON)
    assert to_text(NOON).endswith("12:00:00.000Z")
