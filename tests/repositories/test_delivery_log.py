"""The delivery log: an exclusive lease that expires, and a permanent mark of a sent email."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any  # `Any`: a client has calls of every shape

import pytest

import shop.clients
from shop.clients import dynamodb
from shop.clock import to_epoch
from shop.mail.repository import LEASE_DURATION, DeliveryLogRepository
from shop.mail.service import DeliveryNotRecorded, InProgress
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import NOON


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


def delivery_log(now: datetime = NOON, lease: str | None = None) -> DeliveryLogRepository:
    return DeliveryLogRepository(lambda: now, lease)


def test_delivery_lease_is_exclusive() -> None:
    assert delivery_log().acquire("event")

    with pytest.raises(InProgress):
        delivery_log(NOON + LEASE_DURATION - timedelta(seconds=1)).acquire("event")
    assert delivery_log().acquire("another")


def test_delivery_lease_expires_after_a_crash() -> None:
    delivery_log().acquire("event")

    assert delivery_log(NOON + LEASE_DURATION).acquire("event")


def test_released_lease_is_free_immediately() -> None:
    holder = delivery_log()
    holder.acquire("event")

    holder.release("event")

    assert delivery_log().acquire("event")


def test_lease_of_another_sandbox_is_not_released() -> None:
    delivery_log().acquire("event")

    delivery_log().release("event")
    delivery_log().release("another")

    with pytest.raises(InProgress):
        delivery_log().acquire("event")


def test_finished_delivery_stays_finished() -> None:
    delivery_log().acquire("event")
    delivery_log().complete("event", 5)

    assert not delivery_log().acquire("event")
    assert not delivery_log(NOON + timedelta(days=39)).acquire("event")


def test_delivery_log_item_outlives_the_event_archive_and_contains_no_address() -> None:
    delivery_log().acquire("event")
    delivery_log().complete("event", 5)

    (row,) = shop.clients.dynamodb().scan(TableName="idempotency_table")["Items"]
    assert row["id"]["S"] == "mail#event"
    assert int(row["ttl"]["N"]) > to_epoch(NOON + timedelta(days=31))
    assert row.keys() == {"id", "claim", "claimed_until", "finished_at", "ttl"}


def test_lease_with_a_lost_response_is_recognized() -> None:
    repository = delivery_log()
    assert repository.acquire("event")

    assert repository.acquire("event")


def test_renewed_lease_lasts_from_its_renewal() -> None:
    delivery_log(NOON, "the same").acquire("event")
    later = NOON + LEASE_DURATION / 2

    assert delivery_log(later, "the same").acquire("event")

    with pytest.raises(InProgress):
        delivery_log(NOON + LEASE_DURATION).acquire("event")


class Failing:
    """A DynamoDB client whose next updates fail; with `committed`, after they are written."""

    def __init__(self, failures: int, committed: bool) -> None:
        self.failures, self.committed = failures, committed
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(dynamodb(), name)

    def update_item(self, **arguments: Any) -> Any:
        self.calls += 1
        if self.calls > self.failures:
            return dynamodb().update_item(**arguments)
        if self.committed:
            dynamodb().update_item(**arguments)
        raise ConnectionError


@pytest.mark.parametrize("committed", [False, True], ids=["rejected", "response lost"])
def test_finish_is_retried_until_it_is_written(
    monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    delivery_log().acquire("event")
    client = Failing(7, committed)
    monkeypatch.setattr("shop.mail.repository.dynamodb", lambda: client)

    DeliveryLogRepository(lambda: NOON, pause=lambda _: None).complete("event", 30)

    assert client.calls == 8
    assert not delivery_log().acquire("event")


def test_finish_that_fails_until_its_deadline_raises_the_cause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    delivery_log().acquire("event")
    monkeypatch.setattr("shop.mail.repository.dynamodb", lambda: Failing(10**9, committed=False))

    with pytest.raises(DeliveryNotRecorded) as not_marked:
        DeliveryLogRepository(lambda: NOON).complete("event", 0.1)
    assert isinstance(not_marked.value.__cause__, ConnectionError)
