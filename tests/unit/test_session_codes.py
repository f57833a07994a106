"""Log-ins with a second factor: the order of checks, and what counts as a failed guess."""

from copy import replace

import pytest

from shop.errors import CodeRequired, InvalidCode, InvalidCredentials
from shop.identity.login_attempts.service import code_attempt
from tests.fakes.session_store import GATE, FakeSessionStore, attempt
from tests.support.fixtures import ALICE, BROWSER

APP = "01900000-0000-7000-8000-0000000000f2"


@pytest.fixture
def lobby() -> FakeSessionStore:
    return FakeSessionStore(gates={ALICE.id: replace(GATE, second_factor=APP)})


def test_log_in_without_a_second_factor_ignores_a_code() -> None:
    lobby = FakeSessionStore()

    lobby.service().log_in(attempt(code="anything"), BROWSER)

    assert len(lobby.counted) == 1
    assert lobby.spent == []


def test_log_in_with_a_second_factor_spends_the_code_with_the_session(
    lobby: FakeSessionStore,
) -> None:
    lobby.service().log_in(attempt(code="123456"), BROWSER)

    (use,) = lobby.spent
    assert (use.user_id, use.authenticator_id) == (ALICE.id, APP)
    assert lobby.right == [True, True]


def test_log_in_with_a_missing_code_is_rejected_and_counts_no_code(
    lobby: FakeSessionStore,
) -> None:
    with pytest.raises(CodeRequired):
        lobby.service().log_in(attempt(), BROWSER)

    assert len(lobby.counted) == 1
    assert lobby.right == [True]
    assert lobby.sessions == []


def test_log_in_with_a_wrong_code_is_no_wrong_password(lobby: FakeSessionStore) -> None:
    with pytest.raises(InvalidCode):
        lobby.service().log_in(attempt(code="000000"), BROWSER)

    assert lobby.right == [False, True]  # the code's guess ends first
    assert lobby.sessions == []


def test_wrong_password_compares_no_code(lobby: FakeSessionStore) -> None:
    with pytest.raises(InvalidCredentials):
        lobby.service().log_in(attempt(password="wrong", code="123456"), BROWSER)

    assert len(lobby.counted) == 1


def test_codes_are_counted_by_user_since_an_email_can_change(lobby: FakeSessionStore) -> None:
    lobby.service().log_in(attempt(code="123456"), BROWSER)

    _, code = lobby.counted
    assert code == code_attempt(ALICE.id, BROWSER.ip_address)


def test_log_in_retried_after_a_change_counts_one_guess_of_a_code(
    lobby: FakeSessionStore,
) -> None:
    lobby.credentials["ada@example.com"] = replace(
        lobby.credentials["ada@example.com"], password_hash="weak correct horse battery staple"
    )
    lobby.other_hash = "correct horse battery staple"

    lobby.service().log_in(attempt(code="123456"), BROWSER)

    assert len(lobby.counted) == 2
