"""Login attempts are counted in both windows or in neither; a success uncounts its own."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

import shop.clients
from shop.caller import Role
from shop.clock import to_epoch
from shop.identifiers import new_id
from shop.identity.accounts.models import UserStatus
from shop.identity.login_attempts.models import (
    MAX_GUESSES_FROM_NETWORK,
    UNSETTLED_DURATION,
    WINDOW,
    RateLimitedRequest,
)
from shop.identity.login_attempts.repository import LoginAttemptRepository
from shop.identity.login_attempts.service import login_attempt
from shop.identity.sessions.models import RefreshDigests, Session
from shop.identity.sessions.repository import SessionRepository
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import ALICE, NOON

EMAIL = "ada@example.com"
USER = User(ALICE.id, EMAIL, "Ada", UserStatus.ACTIVE, Role.CUSTOMER, False, NOON, NOON, 1)


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        UserRepository().add(USER, "hash")
        yield


def seen(address: str = "192.0.2.1") -> RateLimitedRequest:
    return SessionRepository().find_credential(EMAIL, login_attempt(EMAIL, address))[1]


def counts(address: str = "192.0.2.1") -> tuple[int, int]:
    attempt = seen(address)
    return attempt.from_network.attempts, attempt.from_anywhere.attempts


def count(now: datetime = NOON, address: str = "192.0.2.1") -> RateLimitedRequest:
    attempt = seen(address).opened(now)
    assert LoginAttemptRepository().count(attempt, now) is None
    return attempt


def begin(
    attempt: RateLimitedRequest, password_hash: str = "hash", new_hash: str | None = None
) -> bool:
    digests = RefreshDigests(b"family", b"current", b"salt")
    session = Session(USER.id, new_id(), 1, digests, NOON, NOON, NOON, NOON, "", "")
    return SessionRepository().begin(session, EMAIL, password_hash, new_hash, attempt)


def test_login_attempt_is_stored_with_its_window_and_expires_after_it() -> None:
    count()
    count(NOON + timedelta(minutes=14))

    attempt = seen()
    assert [(tally.attempts, tally.ends_at) for tally in attempt.windows] == [
        (2, NOON + WINDOW)
    ] * 2
    items = shop.clients.dynamodb().scan(TableName="attempts_table")["Items"]
    assert [item["ttl"]["N"] for item in items] == [str(to_epoch(NOON + WINDOW))] * 2


def test_ended_window_is_replaced_while_it_is_still_stored() -> None:
    count()
    count()

    count(NOON + WINDOW)

    assert counts() == (1, 1)
    assert seen().from_network.ends_at == NOON + 2 * WINDOW


def test_full_window_counts_in_neither_and_returns_both() -> None:
    for _ in range(MAX_GUESSES_FROM_NETWORK):
        stale = count()

    stands = LoginAttemptRepository().count(stale, NOON)

    assert stands is not None and stands.from_network == seen().from_network
    assert stands.from_network.is_full
    assert counts() == (10, 10)


def test_second_opening_of_a_window_returns_the_first() -> None:
    unseen = seen().opened(NOON)
    count()

    stands = LoginAttemptRepository().count(unseen, NOON)

    assert stands == seen()


def test_success_clears_its_network_and_uncounts_only_itself_elsewhere() -> None:
    count(address="198.51.100.1")
    count()

    assert begin(count())

    assert counts() == (0, 2)
    assert counts("198.51.100.1") == (1, 2)


def test_success_in_an_ended_window_uncounts_nothing() -> None:
    attempt = count()
    count(NOON + WINDOW)

    assert begin(attempt)

    assert counts() == (1, 1)


def test_concurrent_successes_both_begin_and_leave_no_count() -> None:
    first, second = count(), count()

    assert begin(first) and begin(second)

    assert counts() == (0, 0)


def test_window_with_a_count_of_zero_is_reopened() -> None:
    assert begin(count())

    count(NOON + timedelta(minutes=1))

    assert [tally.ends_at for tally in seen().windows] == [NOON + timedelta(minutes=1) + WINDOW] * 2


def test_settled_guess_stays_counted_and_has_an_outcome() -> None:
    attempt = count()
    assert [tally.unsettled for tally in seen().windows] == [1, 1]

    LoginAttemptRepository().settle(attempt)
    LoginAttemptRepository().settle(attempt)  # again, as after a lost response

    assert [(tally.attempts, tally.unsettled) for tally in seen().windows] == [(1, 0)] * 2


def test_guess_without_its_window_is_settled_elsewhere_only() -> None:
    attempt = count()
    assert begin(count())

    LoginAttemptRepository().settle(attempt)

    assert counts() == (0, 1)
    assert seen().from_anywhere.unsettled == 0


def test_guess_is_uncounted_once() -> None:
    count(address="198.51.100.1")
    attempt = count()

    LoginAttemptRepository().revert(attempt)
    LoginAttemptRepository().revert(attempt)

    assert counts() == (0, 0)
    assert counts("198.51.100.1") == (1, 0)


def test_full_window_admits_one_guess_for_those_without_an_outcome() -> None:
    for _ in range(3):
        LoginAttemptRepository().settle(count())
    for _ in range(MAX_GUESSES_FROM_NETWORK - 3):
        count()
    stale = seen()
    later = NOON + UNSETTLED_DURATION

    assert LoginAttemptRepository().count(stale.opened(later), later) is None
    stands = LoginAttemptRepository().count(stale.opened(later), later)

    assert stands is not None and stands.from_network == seen().from_network
    assert [(tally.attempts, tally.unsettled) for tally in seen().windows] == [(4, 1), (11, 8)]
    assert seen().from_network.ends_at == NOON + WINDOW


def test_window_of_older_code_has_no_unsettled_guesses() -> None:
    attempt = count()
    for tally in attempt.windows:
        shop.clients.dynamodb().update_item(
            TableName="attempts_table",
            Key={"digest": {"S": tally.digest}},
            UpdateExpression="REMOVE unsettled, unsettled_until",
        )
    assert [(tally.attempts, tally.unsettled) for tally in seen().windows] == [(1, 0)] * 2

    count(NOON + timedelta(minutes=1))

    assert [(tally.attempts, tally.unsettled) for tally in seen().windows] == [(2, 1)] * 2


def test_log_in_that_lost_a_race_stays_counted() -> None:
    assert not begin(count(), "another hash")

    assert counts() == (1, 1)


def test_new_hash_replaces_the_old_one_under_the_conditions_of_the_log_in() -> None:
    assert not begin(count(), "another hash", "new hash")
    assert begin(count(), "hash", "new hash")
    assert not begin(count(), "hash", "newer hash")

    credential, _ = SessionRepository().find_credential(EMAIL, seen())
    assert credential is not None
    assert credential.password_hash == "new hash"
