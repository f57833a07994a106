"""An event's mark: claimed by one at a time, for a while, and done for good."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any  # a client has calls of every shape

import boto3
import pytest

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


def test_one_at_a_time_may_claim() -> None:
    assert delivery_log().acquire("event")

    with pytest.raises(InProgress):
        delivery_log(NOON + LEASE_DURATION - timedelta(seconds=1)).acquire("event")
    assert delivery_log().acquire("another")


def test_a_claim_lapses_so_that_a_crash_does_not_lose_the_mail() -> None:
    delivery_log().acquire("event")

    assert delivery_log(NOON + LEASE_DURATION).acquire("event")


def test_a_claim_that_is_given_up_is_free_at_once() -> None:
    holder = delivery_log()
    holder.acquire("event")

    holder.release("event")

    assert delivery_log().acquire("event")


def test_claim_of_another_sandbox_is_not_released() -> None:
    delivery_log().acquire("event")

    delivery_log().release("event")
    delivery_log().release("another")

    with pytest.raises(InProgress):
        delivery_log().acquire("event")


def test_what_is_done_stays_done() -> None:
    delivery_log().acquire("event")
    delivery_log().complete("event", 5)

    assert not delivery_log().acquire("event")
    assert not delivery_log(NOON + timedelta(days=39)).acquire("event")


def test_the_row_outlives_the_buss_archive_and_holds_no_address() -> None:
    delivery_log().acquire("event")
    delivery_log().complete("event", 5)

    (row,) = boto3.client("dynamodb").scan(TableName="idempotency_table")["Items"]
    assert row["id"]["S"] == "mail#event"
    assert int(row["ttl"]["N"]) > to_epoch(NOON + timedelta(days=31))
    assert row.keys() == {"id", "claim", "claimed_until", "finished_at", "ttl"}


def test_a_claim_whose_answer_was_lost_is_recognised() -> None:
    repository = delivery_log()
    assert repository.acquire("event")

    assert repository.acquire("event")


def test_claim_that_is_taken_again_lasts_from_then_on() -> None:
    delivery_log(NOON, "the same").acquire("event")
    later = NOON + LEASE_DURATION / 2

    assert delivery_log(later, "the same").acquire("event")

    with pytest.raises(InProgress):
        delivery_log(NOON + LEASE_DURATION).acquire("event")


class Failing:
    """DynamoDB's client, whose next updates fail; `committed` are done all the same."""

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


@pytest.mark.parametrize("committed", [False, True], ids=["refused", "response lost"])
def test_mark_is_retried_until_it_is_written(
    monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    delivery_log().acquire("event")
    client = Failing(7, committed)
    monkeypatch.setattr("shop.mail.repository.dynamodb", lambda: client)

    DeliveryLogRepository(lambda: NOON, pause=lambda _: None).complete("event", 30)

    assert client.calls == 8
    assert not delivery_log().acquire("event")


def test_mark_that_fails_until_the_time_is_over_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    delivery_log().acquire("event")
    monkeypatch.setattr("shop.mail.repository.dynamodb", lambda: Failing(10**9, committed=False))

    with pytest.raises(DeliveryNotRecorded) as not_marked:
        DeliveryLogRepository(lambda: NOON).complete("event", 0.1)
    assert isinstance(not_marked.value.__cause__, ConnectionError)
