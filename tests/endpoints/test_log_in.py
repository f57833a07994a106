"""What a log-in asks of DynamoDB, call by call."""

from collections.abc import Iterator
from typing import Any

import pytest

from shop.auth.caller import Role
from shop.auth.key_store import key_store
from shop.auth.passwords import hash_password
from shop.clients import dynamodb
from shop.errors import InvalidCredentials, TooManyRequests
from shop.sessions.provide import session_service
from shop.sessions.schemas import SessionCreate
from shop.users.models import User, UserStatus
from shop.users.repository import UserRepository
from tests.aws import fresh_aws
from tests.people import ALICE, BROWSER, NOON, PASSWORD

COUNTED = ["BatchGetItem", "TransactWriteItems"]


@pytest.fixture
def calls() -> Iterator[list[str]]:
    """The calls since the account was made."""
    email, role = "ada@example.com", Role.CUSTOMER
    user = User(ALICE.id, email, "Ada", UserStatus.ACTIVE, role, False, NOON, NOON, 1)
    made: list[str] = []

    def note(model: Any, **_: Any) -> None:
        """`Any`: botocore's own model of the operation."""
        made.append(model.name)

    with fresh_aws():
        UserRepository().add(user, hash_password(PASSWORD))
        key_store().create_if_absent()
        dynamodb().meta.events.register("before-call.dynamodb", note)
        yield made


def log_in(email: str = "ada@example.com", password: str = PASSWORD) -> None:
    wanted = SessionCreate.model_validate({"email": email, "password": password}, strict=False)
    session_service().log_in(wanted, BROWSER)


def test_a_log_in_takes_four_round_trips_whatever_was_counted_before(calls: list[str]) -> None:
    log_in()
    with pytest.raises(InvalidCredentials):
        log_in(password="wrong horse")
    calls.clear()

    log_in()

    assert calls == [*COUNTED, "Query", "TransactWriteItems"]


@pytest.mark.parametrize("email", ["ada@example.com", "nobody@example.com", "no address"])
def test_a_log_in_that_fails_takes_the_same_two_and_a_refused_one_writes_nothing(
    calls: list[str], email: str
) -> None:
    for _ in range(10):
        with pytest.raises(InvalidCredentials):
            log_in(email, "wrong horse")
    assert calls == COUNTED * 10
    calls.clear()

    with pytest.raises(TooManyRequests):
        log_in(email)

    assert calls == ["BatchGetItem"]
