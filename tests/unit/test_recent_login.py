"""Sensitive changes need a session that began within the last ten minutes."""

from copy import replace
from datetime import timedelta

import pytest

from shop.caller import Caller, Role
from shop.errors import LoginTooOld, Unauthorized
from shop.identity.sessions.recent_login import MAX_LOGIN_AGE, RecentLogin
from tests.fakes.session_store import GATE, FakeSessionStore, attempt
from tests.support.fixtures import ALICE, BROWSER, NOON


@pytest.fixture
def lobby() -> FakeSessionStore:
    return FakeSessionStore()


def caller_of(lobby: FakeSessionStore) -> Caller:
    session = lobby.service().log_in(attempt(), BROWSER).session
    return Caller(ALICE.id, session.id, Role.CUSTOMER)


def require(lobby: FakeSessionStore, caller: Caller) -> None:
    RecentLogin(lobby, lambda: lobby.now).require(caller)


def test_session_of_the_last_ten_minutes_is_recent(lobby: FakeSessionStore) -> None:
    caller = caller_of(lobby)
    lobby.now = NOON + MAX_LOGIN_AGE

    require(lobby, caller)


def test_older_session_is_too_old(lobby: FakeSessionStore) -> None:
    caller = caller_of(lobby)
    lobby.now = NOON + MAX_LOGIN_AGE + timedelta(milliseconds=1)

    with pytest.raises(LoginTooOld):
        require(lobby, caller)


def test_ended_session_is_rejected(lobby: FakeSessionStore) -> None:
    caller = caller_of(lobby)
    lobby.gates[ALICE.id] = replace(GATE, generation=GATE.generation + 1)

    with pytest.raises(Unauthorized):
        require(lobby, caller)
    with pytest.raises(Unauthorized):
        require(lobby, replace(caller, session_id=ALICE.session_id))
