"""An event's mark: claimed by one at a time, for a while, and done for good."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import boto3
import pytest

from shop.clock import to_epoch
from shop.mail.repository import CLAIMED_FOR, MarkRepository
from shop.mail.service import InProgress
from tests.aws import fresh_aws
from tests.people import NOON


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


def marks(now: datetime = NOON) -> MarkRepository:
    return MarkRepository(lambda: now)


def test_one_at_a_time_may_claim() -> None:
    assert marks().claim("event")

    with pytest.raises(InProgress):
        marks(NOON + CLAIMED_FOR - timedelta(seconds=1)).claim("event")
    assert marks().claim("another")


def test_a_claim_lapses_so_that_a_crash_does_not_lose_the_mail() -> None:
    marks().claim("event")

    assert marks(NOON + CLAIMED_FOR).claim("event")


def test_a_claim_that_is_given_up_is_free_at_once() -> None:
    marks().claim("event")

    marks().release("event")

    assert marks().claim("event")


def test_what_is_done_stays_done() -> None:
    marks().claim("event")
    marks().finish("event")

    assert not marks().claim("event")
    assert not marks(NOON + timedelta(days=39)).claim("event")


def test_the_row_outlives_the_buss_archive_and_holds_no_address() -> None:
    marks().claim("event")
    marks().finish("event")

    (row,) = boto3.client("dynamodb").scan(TableName="idempotency_table")["Items"]
    assert row["id"]["S"] == "mail#event"
    assert int(row["ttl"]["N"]) > to_epoch(NOON + timedelta(days=31))
    assert row.keys() == {"id", "claim", "claimed_until", "finished_at", "ttl"}


def test_a_claim_whose_answer_was_lost_is_recognised() -> None:
    repository = MarkRepository(lambda: NOON, lambda: "the same")
    assert repository.claim("event")

    assert repository.claim("event")
