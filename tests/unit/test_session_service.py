"""A login verifies the password, and starts no session after a lost race."""

from copy import replace
from datetime import timedelta

import pytest

from shop.errors import AccountInactive, InvalidCredentials, ServiceUnavailable, TooManyRequests
from shop.identity.accounts.models import AccountState, Credential, UserStatus
from tests.fakes.session_store import GATE, FakeSessionStore, attempt
from tests.support.fixtures import ALICE, BROWSER, NOON, PASSWORD


def test_right_password_starts_a_session_with_current_generation_and_role() -> None:
    lobby = FakeSessionStore()

    grant = lobby.service().log_in(attempt(" ADA@example.com"), BROWSER)

    assert lobby.sessions == [grant.session]
    assert (grant.session.generation, grant.session.user_agent) == (3, "a browser")
    assert grant.session.expires_at == NOON + timedelta(days=30)
    assert grant.access_token == f"{ALICE.id} {grant.session.id} customer"
    assert grant.session.refresh.current not in grant.refresh_token.encode()


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ada@example.com", "wrong"),
        ("nobody@example.com", PASSWORD),
        ("no address", PASSWORD),
        ("   ", PASSWORD),
    ],
)
def test_other_credentials_are_rejected_after_one_comparison(email: str, password: str) -> None:
    lobby = FakeSessionStore()

    with pytest.raises(InvalidCredentials):
        lobby.service().log_in(attempt(email, password), BROWSER)

    assert len(lobby.compared) == 1
    assert lobby.sessions == []


def test_inactive_account_is_rejected() -> None:
    lobby = FakeSessionStore(gates={ALICE.id: replace(GATE, status=UserStatus.INACTIVE)})

    with pytest.raises(AccountInactive):
        lobby.service().log_in(attempt(), BROWSER)
    with pytest.raises(InvalidCredentials):
        lobby.service().log_in(attempt(password="wrong"), BROWSER)
    assert lobby.sessions == []


@pytest.mark.usefixtures("no_time_to_retry")
def test_login_gets_503_while_its_account_keeps_changing() -> None:
    lobby = FakeSessionStore(is_still_so=False)

    with pytest.raises(ServiceUnavailable):
        lobby.service().log_in(attempt(), BROWSER)


def test_attempt_is_counted_before_the_comparison_for_known_and_unknown_emails() -> None:
    lobby = FakeSessionStore(is_full=True)

    for email, password in (("ada@example.com", PASSWORD), ("nobody@example.com", "wrong")):
        with pytest.raises(TooManyRequests):
            lobby.service().log_in(attempt(email, password), BROWSER)

    assert lobby.compared == [] and lobby.sessions == []


def test_attempt_is_taken_back_only_after_a_successful_login() -> None:
    lobby = FakeSessionStore()

    with pytest.raises(InvalidCredentials):
        lobby.service().log_in(attempt(password="wrong"), BROWSER)
    lobby.service().log_in(attempt(), BROWSER)

    assert len(lobby.counted) == 2
    assert lobby.taken_back == lobby.counted[1:]
    assert lobby.right == [False, True]


def test_weak_hash_is_upgraded_with_the_right_password_only() -> None:
    weak = Credential(ALICE.id, f"weak {PASSWORD}")
    lobby = FakeSessionStore(credentials={"ada@example.com": weak})

    with pytest.raises(InvalidCredentials):
        lobby.service().log_in(attempt(password="wrong"), BROWSER)
    assert lobby.credentials["ada@example.com"] == weak
    lobby.service().log_in(attempt(), BROWSER)

    assert lobby.credentials["ada@example.com"].password_hash == PASSWORD


def test_login_during_another_hash_upgrade_succeeds_and_is_counted_once() -> None:
    weak = Credential(ALICE.id, f"weak {PASSWORD}")
    lobby = FakeSessionStore(credentials={"ada@example.com": weak}, other_hash=PASSWORD)

    grant = lobby.service().log_in(attempt(), BROWSER)

    assert lobby.sessions == [grant.session] and len(lobby.counted) == 1


def test_login_during_a_password_change_compares_with_the_new_password() -> None:
    lobby = FakeSessionStore(other_hash="another password")

    with pytest.raises(InvalidCredentials):
        lobby.service().log_in(attempt(), BROWSER)

    assert lobby.compared == [PASSWORD, "another password"] and lobby.sessions == []


@pytest.mark.parametrize(
    ("account_state", "days", "is_live"),
    [
        (GATE, 0, True),
        (GATE, 29.9, True),
        (GATE, 30, False),
        (None, 0, False),
        (replace(GATE, generation=4), 0, False),
        (replace(GATE, status=UserStatus.INACTIVE), 0, False),
    ],
)
def test_session_is_live_while_account_state_and_clock_allow(
    account_state: AccountState | None, days: float, is_live: bool
) -> None:
    session = FakeSessionStore().service().log_in(attempt(), BROWSER).session

    assert session.is_live(account_state, NOON + timedelta(days=days)) is is_live
