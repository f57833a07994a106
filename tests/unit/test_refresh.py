"""Refresh tokens are single-use: lost responses cost nothing, stolen tokens end the session."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from copy import replace
from datetime import timedelta

import pytest

from shop.caller import Caller, Client
from shop.errors import NotFound, ServiceUnavailable, Unauthorized
from shop.identifiers import new_id
from shop.identity.accounts.models import AccountState, UserStatus
from shop.identity.sessions.models import Grant, Session
from shop.identity.sessions.refresh_tokens import RefreshToken, new_salt
from tests.fakes.session_store import GATE, FakeSessionStore, attempt, refresh
from tests.support.fixtures import ALICE, BOB, BROWSER, NOON
from tests.support.log_lines import LogLines

TABLET = Client("a tablet", "192.0.2.2")


@pytest.fixture
def lobby() -> FakeSessionStore:
    return FakeSessionStore()


@pytest.fixture
def first(lobby: FakeSessionStore) -> Grant:
    return lobby.service().log_in(attempt(), BROWSER)


def assert_rejected(lobby: FakeSessionStore, token: str) -> None:
    before = list(lobby.sessions)

    with pytest.raises(Unauthorized):
        refresh(lobby, token)

    assert lobby.sessions == before


def test_refresh_returns_a_new_token_and_records_time_and_client(
    lobby: FakeSessionStore, first: Grant
) -> None:
    lobby.now = NOON + timedelta(days=29)

    second = refresh(lobby, first.refresh_token, TABLET)

    assert second.refresh_token != first.refresh_token
    assert second.access_token == f"{ALICE.id} {first.session.id} customer"
    assert lobby.sessions == [second.session]
    assert second.session == replace(
        first.session,
        refresh=second.session.refresh,
        last_used_at=lobby.now,
        idle_expires_at=lobby.now + timedelta(days=30),
        user_agent="a tablet",
        ip_address="192.0.2.2",
    )


def test_only_digests_are_stored(lobby: FakeSessionStore, first: Grant) -> None:
    second = refresh(lobby, first.refresh_token)

    stored = second.session.refresh
    for grant in (first, second):
        token = RefreshToken.parse(grant.refresh_token)
        assert not {token.secret, token.family} & {
            *(stored.family, stored.current, stored.previous, stored.salt)
        }
        assert str(token.secret) not in repr(token)


def test_session_ends_after_180_days_of_use(lobby: FakeSessionStore, first: Grant) -> None:
    grant = first
    for day in range(0, 180, 20):
        lobby.now = NOON + timedelta(days=day)
        grant = refresh(lobby, grant.refresh_token)
    assert grant.session.expires_at == NOON + timedelta(days=180)

    lobby.now = NOON + timedelta(days=180)

    assert_rejected(lobby, grant.refresh_token)


@pytest.mark.parametrize("seconds", [0, 29, 30])
def test_same_successor_is_returned_for_30_seconds(
    lobby: FakeSessionStore, first: Grant, seconds: int
) -> None:
    second = refresh(lobby, first.refresh_token)
    lobby.now = NOON + timedelta(seconds=seconds)

    again = refresh(lobby, first.refresh_token, TABLET)

    assert (again.refresh_token, again.session) == (second.refresh_token, second.session)
    assert lobby.sessions == [second.session]
    assert refresh(lobby, again.refresh_token).refresh_token != again.refresh_token


@pytest.mark.parametrize("late", [timedelta(milliseconds=30_001), timedelta(seconds=31)])
def test_token_spent_before_the_grace_ends_its_session(
    lobby: FakeSessionStore, first: Grant, late: timedelta, log: LogLines
) -> None:
    second = refresh(lobby, first.refresh_token)
    lobby.now = NOON + late

    with pytest.raises(Unauthorized):
        refresh(lobby, first.refresh_token)

    assert lobby.sessions == []
    assert_rejected(lobby, second.refresh_token)
    (line,) = log()
    assert (line["message"], line["session_id"]) == ("refresh token reused", first.session.id)
    assert first.refresh_token not in str(line)


def test_token_two_rotations_old_ends_its_session_immediately(
    lobby: FakeSessionStore, first: Grant
) -> None:
    refresh(lobby, refresh(lobby, first.refresh_token).refresh_token)

    with pytest.raises(Unauthorized):
        refresh(lobby, first.refresh_token)

    assert lobby.sessions == []


def test_unknown_secret_of_a_known_family_ends_the_session(
    lobby: FakeSessionStore, first: Grant
) -> None:
    forged = replace(RefreshToken.parse(first.refresh_token), secret=b"s" * 32)

    with pytest.raises(Unauthorized):
        refresh(lobby, forged.text)

    assert lobby.sessions == []


@pytest.mark.parametrize(
    "forge",
    [
        lambda token: RefreshToken.new(token.user_id, token.session_id),
        lambda token: replace(token, family=bytes(16)),
        lambda token: replace(token, user_id=BOB.id),
        lambda token: replace(token, session_id=new_id()),
    ],
    ids=["all but the ids", "family", "user", "session"],
)
def test_session_id_alone_ends_no_session(
    lobby: FakeSessionStore, first: Grant, forge: Callable[[RefreshToken], RefreshToken]
) -> None:
    lobby.gates[BOB.id] = replace(GATE, user_id=BOB.id)

    assert_rejected(lobby, forge(RefreshToken.parse(first.refresh_token)).text)


@pytest.mark.parametrize(
    "account_state",
    [None, replace(GATE, generation=4), replace(GATE, status=UserStatus.INACTIVE)],
    ids=["no account state", "another generation", "inactive"],
)
def test_ended_session_rejects_every_token(
    lobby: FakeSessionStore, first: Grant, account_state: AccountState | None
) -> None:
    second = refresh(lobby, first.refresh_token)
    lobby.gates = {} if account_state is None else {ALICE.id: account_state}

    for grant in (first, second):
        assert_rejected(lobby, grant.refresh_token)


def test_idle_session_is_rejected(lobby: FakeSessionStore, first: Grant) -> None:
    lobby.now = NOON + timedelta(days=30)

    assert_rejected(lobby, first.refresh_token)


def once(lobby: FakeSessionStore, change: Callable[[], object]) -> None:
    """Make a change between the read and the write of the next refresh."""

    def between() -> None:
        lobby.between_read_and_write = lambda: None
        change()

    lobby.between_read_and_write = between


def test_second_of_two_parallel_refreshes_gets_the_successor_of_the_first(
    lobby: FakeSessionStore, first: Grant
) -> None:
    rivals: list[Grant] = []
    once(lobby, lambda: rivals.append(refresh(lobby, first.refresh_token, TABLET)))

    grant = refresh(lobby, first.refresh_token)

    (rival,) = rivals
    assert (grant.refresh_token, grant.session) == (rival.refresh_token, rival.session)
    assert lobby.sessions == [rival.session]


def test_token_two_rotations_late_ends_the_session(lobby: FakeSessionStore, first: Grant) -> None:
    once(lobby, lambda: refresh(lobby, refresh(lobby, first.refresh_token).refresh_token))

    with pytest.raises(Unauthorized):
        refresh(lobby, first.refresh_token)

    assert lobby.sessions == []


def test_session_ended_during_a_refresh_stays_ended(lobby: FakeSessionStore, first: Grant) -> None:
    once(lobby, lobby.sessions.clear)

    with pytest.raises(Unauthorized):
        refresh(lobby, first.refresh_token)

    assert lobby.sessions == []


def test_refresh_succeeds_after_a_concurrent_generation_change(
    lobby: FakeSessionStore, first: Grant
) -> None:
    carried = replace(first.session, generation=4)

    def change_password() -> None:
        lobby.sessions[:] = [carried]
        lobby.gates[ALICE.id] = replace(GATE, generation=4)

    once(lobby, change_password)

    grant = refresh(lobby, first.refresh_token)

    assert grant.session.generation == 4
    assert lobby.sessions == [grant.session]


def test_refresh_takes_two_round_trips(lobby: FakeSessionStore, first: Grant) -> None:
    refresh(lobby, first.refresh_token)
    assert lobby.asked == ["with_account_state", "rotate"]

    lobby.asked.clear()
    refresh(lobby, first.refresh_token)
    assert lobby.asked == ["with_account_state"]

    lobby.asked.clear()
    lobby.now = NOON + timedelta(seconds=31)
    with pytest.raises(Unauthorized):
        refresh(lobby, first.refresh_token)
    assert lobby.asked == ["with_account_state", "end"]


def test_token_has_one_encoding() -> None:
    token = RefreshToken.new(ALICE.id, ALICE.session_id)
    text = token.text

    assert RefreshToken.parse(text) == token
    for other in (
        *("", text + "=", text[:-1], text + "A", f"{text}\n", f" {text}", "é" * len(text)),
        text[:-1] + chr(ord(text[-1]) + 1),
        text[:20] + "!" + text[20:],
        urlsafe_b64encode(bytes(79)).decode().rstrip("="),
        urlsafe_b64encode(bytes(81)).decode().rstrip("="),
    ):
        with pytest.raises(ValueError):
            RefreshToken.parse(other)


def test_successor_is_derived_from_secret_salt_and_session_alone() -> None:
    token = RefreshToken.new(ALICE.id, ALICE.session_id)
    salt = new_salt()

    assert token.successor(salt) == token.successor(salt)
    others = {
        token.successor(new_salt()).secret,
        replace(token, session_id=BOB.session_id).successor(salt).secret,
        replace(token, secret=bytes(32)).successor(salt).secret,
    }
    assert len(others | {token.successor(salt).secret, token.secret}) == 5


def many(lobby: FakeSessionStore, count: int) -> list[Session]:
    """Log in as often, and return the sessions newest first."""
    begun = [lobby.service().log_in(attempt(), BROWSER).session for _ in range(count)]
    return sorted(begun, key=lambda session: session.id, reverse=True)


def test_oldest_session_ends_beyond_fifty(
    lobby: FakeSessionStore,
) -> None:
    begun = many(lobby, 51)

    assert lobby.service().list_active(ALICE) == begun[:50]
    assert len(lobby.sessions) == 50


def test_login_removes_dead_sessions_and_ends_no_live_one_for_them(
    lobby: FakeSessionStore,
) -> None:
    begun = many(lobby, 50)
    lobby.sessions = [replace(session, generation=2) for session in begun[:40]] + begun[40:]

    newest = lobby.service().log_in(attempt(), BROWSER).session

    assert {session.id for session in lobby.sessions} == {s.id for s in [newest, *begun[40:]]}


def test_login_ends_no_more_sessions_than_a_transaction_fits(
    lobby: FakeSessionStore, first: Grant
) -> None:
    lobby.sessions = [replace(first.session, id=new_id()) for _ in range(150)]
    oldest = sorted(session.id for session in lobby.sessions)[:90]

    lobby.service().log_in(attempt(), BROWSER)

    assert len(lobby.sessions) == 61
    assert not {session.id for session in lobby.sessions} & set(oldest)


@pytest.mark.usefixtures("no_time_to_retry")
def test_login_that_failed_ends_no_session(lobby: FakeSessionStore) -> None:
    many(lobby, 50)
    lobby.is_still_so = False
    before = list(lobby.sessions)

    with pytest.raises(ServiceUnavailable):
        lobby.service().log_in(attempt(), BROWSER)

    assert lobby.sessions == before


def test_list_has_live_sessions_only(lobby: FakeSessionStore) -> None:
    newest, old, oldest = many(lobby, 3)
    lobby.sessions = [newest, replace(old, idle_expires_at=NOON), oldest]

    assert lobby.service().list_active(ALICE) == [newest, oldest]
    assert lobby.service().list_active(BOB) == []


def test_list_is_limited_to_fifty_after_parallel_logins(lobby: FakeSessionStore) -> None:
    newest, *older = many(lobby, 50)
    lobby.sessions = [newest, *older, replace(newest, id=ALICE.session_id)]

    assert lobby.service().list_active(ALICE) == [newest, *older]


def test_session_of_the_caller_is_ended_and_no_other(lobby: FakeSessionStore, first: Grant) -> None:
    service = lobby.service()

    with pytest.raises(NotFound):
        service.end(BOB, first.session.id)
    assert lobby.sessions == [first.session]

    service.end(Caller(ALICE.id, first.session.id, ALICE.role), first.session.id)
    assert lobby.sessions == []


def test_logout_everywhere_ends_every_session(lobby: FakeSessionStore, first: Grant) -> None:
    lobby.service().end_all(ALICE)

    assert lobby.service().list_active(ALICE) == []
    assert_rejected(lobby, first.refresh_token)
