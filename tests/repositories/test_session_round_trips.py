"""Sessions are read as stored, and change only under their conditions."""

from collections.abc import Iterator
from copy import replace
from datetime import timedelta

import pytest

import shop.clients
from shop.caller import Role
from shop.identifiers import new_id
from shop.identity.accounts.models import AccountState, UserStatus
from shop.identity.login_attempts.service import login_attempt
from shop.identity.sessions.models import RefreshDigests, Session
from shop.identity.sessions.repository import SessionRepository
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import ALICE, BOB, NOON

USER = User(
    ALICE.id, "ada@example.com", "Ada", UserStatus.ACTIVE, Role.CUSTOMER, False, NOON, NOON, 1
)
ACCOUNT_STATE = AccountState(USER.id, 1, UserStatus.ACTIVE, Role.CUSTOMER)
END = NOON + timedelta(days=30)


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        UserRepository().add(USER, "hash")
        yield


def begin(*ended: str) -> Session:
    digests = RefreshDigests(b"family", b"current", b"salt")
    session = Session(USER.id, new_id(), 1, digests, NOON, NOON, END, END, "b", "192.0.2.1")
    attempt = login_attempt(USER.email, session.ip_address).opened(NOON)
    assert SessionRepository().begin(session, USER.email, "hash", None, attempt, ended)
    return session


def rotated(session: Session) -> Session:
    return replace(
        session,
        refresh=RefreshDigests(b"family", b"next", b"other salt", b"current", NOON),
        last_used_at=NOON + timedelta(days=1),
        idle_expires_at=END + timedelta(days=1),
        user_agent="a tablet",
        ip_address="192.0.2.2",
    )


def ends_at(session: Session) -> int:
    """Return the TTL attribute of the stored session."""
    key = {"user_id": {"S": session.user_id}, "id": {"S": session.id}}
    item = shop.clients.dynamodb().get_item(TableName="sessions_table", Key=key)["Item"]
    return int(item["ttl"]["N"])


def test_refreshed_session_is_stored() -> None:
    session = begin()
    expected = replace(rotated(session), absolute_expires_at=END)

    assert SessionRepository().rotate(expected, b"current") == expected

    assert SessionRepository().with_account_state(USER.id, session.id) == (expected, ACCOUNT_STATE)
    assert ends_at(session) == END.timestamp()


def test_session_expires_when_it_can_no_longer_be_used() -> None:
    begun = begin()
    later = END + timedelta(days=150)
    shop.clients.dynamodb().update_item(
        TableName="sessions_table",
        Key={"user_id": {"S": begun.user_id}, "id": {"S": begun.id}},
        UpdateExpression="SET absolute_expires_at = :later",
        ExpressionAttributeValues={":later": {"S": later.isoformat()}},
    )

    SessionRepository().rotate(replace(rotated(begun), absolute_expires_at=later), b"current")

    assert ends_at(begun) == (END + timedelta(days=1)).timestamp()


@pytest.mark.parametrize(("spent", "generation"), [(b"older", 1), (b"current", 2)])
def test_stale_session_is_returned_unchanged(spent: bytes, generation: int) -> None:
    session = begin()

    assert (
        SessionRepository().rotate(replace(rotated(session), generation=generation), spent)
        == session
    )

    assert SessionRepository().with_account_state(USER.id, session.id)[0] == session


def test_ended_session_is_not_recreated() -> None:
    session = begin()
    SessionRepository().end(USER.id, session.id)

    assert SessionRepository().rotate(rotated(session), b"current") is None

    assert SessionRepository().of_user(USER.id) == ([], ACCOUNT_STATE)


def test_session_ends_once_and_for_its_family_only() -> None:
    session, other = begin(), begin()

    assert not SessionRepository().end(USER.id, session.id, b"another")
    assert not SessionRepository().end(BOB.id, session.id)
    assert SessionRepository().end(USER.id, session.id, b"family")
    assert not SessionRepository().end(USER.id, session.id)

    assert SessionRepository().of_user(USER.id) == ([other], ACCOUNT_STATE)


def test_sessions_are_listed_newest_first_with_their_account_state() -> None:
    begun = sorted((begin() for _ in range(5)), key=lambda session: session.id, reverse=True)

    assert SessionRepository().of_user(USER.id) == (begun, ACCOUNT_STATE)
    assert SessionRepository().of_user(BOB.id) == ([], None)


def test_session_beyond_the_limit_ends_the_oldest() -> None:
    first, second = begin(), begin()

    third = begin(first.id, second.id)

    assert SessionRepository().of_user(USER.id) == ([third], ACCOUNT_STATE)


def test_next_session_generation_begins_for_an_existing_account_state() -> None:
    session = begin()

    SessionRepository().end_all(USER.id)
    SessionRepository().end_all(BOB.id)

    assert SessionRepository().of_user(USER.id) == ([session], replace(ACCOUNT_STATE, generation=2))
    assert SessionRepository().of_user(BOB.id) == ([], None)
