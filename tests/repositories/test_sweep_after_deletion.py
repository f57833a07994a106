"""A user who is deleted is deleted, whatever becomes of a session that slipped in meanwhile."""

from collections.abc import Iterator
from typing import Any

import pytest

from shop.deadline import OutOfTime
from shop.identifiers import new_id
from shop.sessions.repository import SessionRepository
from shop.users.repository import UserRepository
from tests.aws import fresh_aws
from tests.conftest import LogLines
from tests.repositories.test_user_changes import user


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


@pytest.mark.parametrize("failure", [ConnectionError, OutOfTime])
def test_a_sweep_that_fails_is_logged_and_no_error(
    failure: type[BaseException], monkeypatch: pytest.MonkeyPatch, log: LogLines
) -> None:
    gone = user()
    calls: list[str] = []

    def ids(_: Any, user_id: str) -> list[str]:
        calls.append(user_id)
        if len(calls) == 1:
            return [new_id()]
        raise failure

    monkeypatch.setattr(SessionRepository, "ids", ids)
    UserRepository().delete(gone)

    assert len(calls) == 2 and UserRepository().get(gone.id) is None
    (line,) = [line for line in log() if line["message"] == "sessions left to expire"]
    assert line["user_id"] == gone.id
