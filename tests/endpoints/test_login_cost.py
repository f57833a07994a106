"""The cost of a login: its DynamoDB calls and its CPU time."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from shop.caller import Role
from shop.clients import dynamodb
from shop.config import setting
from shop.errors import InvalidCredentials, TooManyRequests
from shop.identity.accounts.models import UserStatus
from shop.identity.keys.key_store import key_store
from shop.identity.passwords import hash_password
from shop.identity.sessions.dependencies import session_service
from shop.identity.sessions.requests import SessionCreate
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import ALICE, BROWSER, NOON, PASSWORD

COUNTED = ["BatchGetItem", "TransactWriteItems"]


@pytest.fixture
def costly_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hashes that dominate a login, like deployed ones."""
    monkeypatch.setenv("BCRYPT_COST", "10")
    setting.cache_clear()
    yield
    setting.cache_clear()


@pytest.fixture
def calls() -> Iterator[list[str]]:
    """Calls since the account was created."""
    email, role = "ada@example.com", Role.CUSTOMER
    user = User(ALICE.id, email, "Ada", UserStatus.ACTIVE, role, False, NOON, NOON, 1)
    made: list[str] = []

    def note(model: Any, **_: Any) -> None:
        """`Any`: botocore's model of the operation."""
        made.append(model.name)

    with fresh_aws():
        UserRepository().add(user, hash_password(PASSWORD))
        key_store().create_if_absent()
        dynamodb().meta.events.register("before-call.dynamodb", note)
        yield made


def log_in(email: str = "ada@example.com", password: str = PASSWORD) -> None:
    payload = SessionCreate.model_validate({"email": email, "password": password}, strict=False)
    session_service().log_in(payload, BROWSER)


def test_login_takes_four_round_trips_for_any_earlier_count(calls: list[str]) -> None:
    log_in()
    with pytest.raises(InvalidCredentials):
        log_in(password="wrong horse")
    calls.clear()

    log_in()

    assert calls == [*COUNTED, "Query", "TransactWriteItems"]


@pytest.mark.parametrize("email", ["ada@example.com", "nobody@example.com", "no address"])
def test_failed_login_takes_three_round_trips_and_a_rejected_one_writes_nothing(
    calls: list[str], email: str
) -> None:
    for _ in range(10):
        with pytest.raises(InvalidCredentials):
            log_in(email, "wrong horse")
    assert calls == [*COUNTED, "TransactWriteItems"] * 10
    calls.clear()

    with pytest.raises(TooManyRequests):
        log_in(email)

    assert calls == ["BatchGetItem"]


def test_unknown_email_costs_as_much_cpu_time_as_a_wrong_password(
    costly_hashes: None, calls: list[str]
) -> None:
    """Otherwise the response time would reveal which emails have an account."""
    cases = {
        "unknown": ("nobody@example.com", "wrong horse"),
        "wrong": ("ada@example.com", "wrong horse"),
        "too long": ("ada@example.com", "x" * 73),
    }

    def seconds(case: str) -> float:
        started = time.thread_time()
        with pytest.raises(InvalidCredentials):
            log_in(*cases[case])
        return time.thread_time() - started

    # Three each, below the limit of ten; the least CPU time excludes other load.
    least = {case: min(seconds(case) for _ in range(3)) for case in cases}
    for case in ("wrong", "too long"):
        assert 0.8 <= least["unknown"] / least[case] <= 1.25, least
