"""Erasure: traces are erased before and after the commit, never with a rejected deletion."""

from collections.abc import Callable
from copy import replace
from datetime import datetime, timedelta

import pytest

from shop.caller import Caller, Role
from shop.errors import Forbidden, LastAdmin, NotFound, PreconditionFailed, ServiceUnavailable
from shop.identifiers import new_id
from shop.preconditions import Precondition
from shop.users.models import User
from shop.users.service import MAX_ERASURE_PASS, UserService
from tests.fakes.user_store import USER, FakeRateLimiter, FakeUserStore
from tests.support.fixtures import ADMIN, ALICE, BOB, NOON


class Erasing(FakeUserStore):
    """One user with traces; each pass over them takes time and may fail."""

    def __init__(self, *passes: bool | Exception) -> None:
        super().__init__()
        self.passes = list(passes)  # whether each pass finds a trace
        self.takes = timedelta()
        self.now = NOON
        self.log: list[str] = []
        self.rejection: type[Exception] | None = None  # time of the commit

    def clock(self) -> datetime:
        return self.now

    def erase(self, user_id: str, is_gone: bool) -> bool:
        assert user_id == ALICE.id
        self.log.append("traces and sessions" if is_gone else "traces")
        self.now += self.takes
        found = self.passes.pop(0) if self.passes else False
        if isinstance(found, Exception):
            raise found
        return found

    def delete(self, user: User, by_admin: str | None = None) -> None:
        if self.rejection is not None:
            raise self.rejection
        super().delete(user, by_admin)
        self.log.append("user")
        self.user = replace(self.user, id="gone")


def delete(store: Erasing, caller: Caller = ALICE, demanded: str | None = None) -> None:
    service = UserService(
        store, FakeRateLimiter(), lambda _: "", lambda _, __: False, lambda: 20, store.clock, new_id
    )
    tags = None if demanded is None else frozenset({demanded})
    service.delete(caller, ALICE.id, Precondition(tags), store)


def test_traces_are_erased_before_the_commit_and_once_more_after_it() -> None:
    store = Erasing(True, True)

    delete(store)

    assert store.log == ["traces", "user", "traces and sessions"]


def test_stale_deletion_erases_concurrent_writes() -> None:
    store = Erasing()
    store.overtaken = 1

    delete(store)

    assert store.log == ["traces", "traces", "user", "traces and sessions"]


def test_long_pass_ends_in_a_retryable_503_before_the_commit() -> None:
    store = Erasing(True)
    store.takes = MAX_ERASURE_PASS + timedelta(milliseconds=1)

    with pytest.raises(ServiceUnavailable) as unavailable:
        delete(store)

    assert unavailable.value.retry_after == 1
    assert store.log == ["traces"] and store.writes == 0


def test_retry_without_remaining_traces_commits_after_any_scan_time() -> None:
    store = Erasing(True, False)
    store.takes = MAX_ERASURE_PASS + timedelta(milliseconds=1)
    with pytest.raises(ServiceUnavailable):
        delete(store)

    delete(store)

    assert store.log == ["traces", "traces", "user", "traces and sessions"]


def test_failure_after_the_commit_is_reported_and_a_retry_continues() -> None:
    store = Erasing(False, ConnectionError())
    with pytest.raises(ConnectionError):
        delete(store)

    with pytest.raises(NotFound):
        delete(store)

    assert store.log == ["traces", "user", "traces and sessions", "traces and sessions"]


def others_change(store: Erasing) -> None:
    store.user = replace(USER, version=7)


def last_admin(store: Erasing) -> None:
    store.user = replace(USER, role=Role.ADMIN)
    store.rejection = LastAdmin


def by_a_former_admin(store: Erasing) -> None:
    store.rejection = Forbidden


@pytest.mark.parametrize(
    ("caller", "change", "demanded", "rejection"),
    [
        (BOB, lambda _: None, None, Forbidden),
        (ADMIN, by_a_former_admin, None, Forbidden),
        (ADMIN, last_admin, None, LastAdmin),
        (ALICE, last_admin, None, LastAdmin),
        (ALICE, others_change, '"1"', PreconditionFailed),
    ],
)
def test_rejected_deletion_erases_nothing(
    caller: Caller,
    change: Callable[[Erasing], None],
    demanded: str | None,
    rejection: type[Exception],
) -> None:
    store = Erasing(True)
    change(store)

    with pytest.raises(rejection):
        delete(store, caller, demanded)

    assert store.log == []


def test_deletion_with_a_precondition_erases_nothing_until_it_is_committed() -> None:
    store = Erasing()
    store.overtaken = 1

    with pytest.raises(PreconditionFailed):
        delete(store, demanded='"1"')
    assert store.log == []

    delete(store, demanded='"2"')
    assert store.log == ["user", "traces and sessions"]
