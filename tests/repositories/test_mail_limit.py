"""The limit of emails to an unverified address: a few a day, each counted once."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

import shop.clients
from shop.clock import to_epoch
from shop.mail.models import LIMIT_WINDOW, MAX_UNVERIFIED
from shop.mail.repository import LimitRepository
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import NOON

ADDRESS = "victim@example.org"
MOMENT = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


def allows(notification_id: str, now: datetime = NOON, address: str = ADDRESS) -> bool:
    return LimitRepository(lambda: now).allows(address, notification_id)


def test_email_limit_counts_each_address_separately() -> None:
    admitted = [allows(f"event {number}") for number in range(MAX_UNVERIFIED + 2)]

    assert admitted == [True] * MAX_UNVERIFIED + [False] * 2
    assert allows("event", address="ada@example.com")


def test_retried_notification_counts_once_and_is_admitted_again() -> None:
    first = [allows("event 0") for _ in range(MAX_UNVERIFIED + 1)]
    others = [allows(f"event {number}") for number in range(1, MAX_UNVERIFIED + 1)]

    assert all(first)
    assert others == [True] * (MAX_UNVERIFIED - 1) + [False]
    assert allows(f"event {MAX_UNVERIFIED - 1}")


def test_email_limit_window_starts_with_its_first_email_and_ends() -> None:
    for number in range(MAX_UNVERIFIED):
        allows(f"event {number}", NOON + number * MOMENT)

    assert not allows("later", NOON + LIMIT_WINDOW - MOMENT)
    assert allows("later", NOON + LIMIT_WINDOW)
    assert allows("and another", NOON + LIMIT_WINDOW + MOMENT)


def test_email_limit_item_contains_no_address_and_expires_with_its_window() -> None:
    allows("event")

    (row,) = shop.clients.dynamodb().scan(TableName="idempotency_table")["Items"]
    assert row.keys() == {"id", "notices", "ends_at", "ttl"}
    assert "example" not in str(row)
    assert int(row["ttl"]["N"]) == to_epoch(NOON + LIMIT_WINDOW)
