"""A login with a passkey: one signature for one challenge begins one session."""

from copy import replace
from datetime import timedelta
from typing import Any

import pytest

from shop import metrics
from shop.errors import AccountInactive, InvalidCredentials, ServiceUnavailable, TooManyRequests
from shop.identity.passkeys.challenges import LIFETIME, new_challenge
from shop.identity.sessions.models import MAX_SESSIONS
from tests.fakes.passkey_store import ACTIVE, FakePasskeyStore
from tests.support.fixtures import ALICE, BOB, NOON
from tests.support.software_authenticator import SoftwareAuthenticator, to_text


def test_right_signature_starts_a_session_with_current_generation_and_role() -> None:
    store, device = FakePasskeyStore(), SoftwareAuthenticator()
    store.register(device)

    grant = store.log_in(device)

    assert store.sessions == [grant.session]
    assert (grant.session.generation, grant.session.user_agent) == (3, "a browser")
    assert grant.access_token == f"{ALICE.id} {grant.session.id} customer"
    assert [guess.is_right for guess in store.guesses] == [True]


def test_login_stores_counter_backup_and_time() -> None:
    store, device = FakePasskeyStore(), SoftwareAuthenticator(counter=1, flags=0x0D)
    id_ = store.register(device).id
    store.now += timedelta(minutes=1)

    store.log_in(device.changed(counter=5, flags=0x1D))

    used = store.passkeys[id_]
    assert (used.counter, used.is_backed_up, used.last_used_at) == (5, True, store.now)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": to_text(b"unknown")},
        {"id": ""},
        {"id": "not base64url!"},
        {"userHandle": to_text(BOB.id.encode())},
        {"userHandle": to_text(ALICE.id.upper().encode())},
        {"userHandle": to_text(b"\xff" * 36)},
        {"userHandle": ""},
        {"signature": to_text(b"s" * 70)},
        {"signature": "=" * 1_000_000},
        {"signature": "A" * 1_000_000},
        {"authenticatorData": ""},
        {"authenticatorData": "A"},
        {"clientData": to_text(b"{}")},
        {"clientData": "\ud83d"},
        {"challenge": ""},
        {"challenge": new_challenge(b"other", NOON).text},
        {"challenge": new_challenge(b"k" * 32, NOON - LIFETIME).text},
        {"challenge": new_challenge(b"k" * 32, NOON).text},
    ],
    ids=lambda wrong: next(iter(wrong)),  # challenges differ in each process
)
def test_everything_wrong_is_rejected_alike(wrong: dict[str, str]) -> None:
    store, device = FakePasskeyStore(), SoftwareAuthenticator()
    store.register(device)
    passkeys, spent = dict(store.passkeys), set(store.spent)

    with pytest.raises(InvalidCredentials) as rejected:
        store.send_login(device.log_in(store.challenge(), ALICE.id) | wrong)

    assert rejected.value.message == "This passkey is unknown or not valid here."
    assert (store.passkeys, store.spent, store.sessions) == (passkeys, spent, [])
    assert not any(guess.is_right for guess in store.guesses)


def test_assertion_counts_once() -> None:
    store, device = FakePasskeyStore(), SoftwareAuthenticator()
    store.register(device)
    body = device.log_in(store.challenge(), ALICE.id)
    store.send_login(body)

    with pytest.raises(InvalidCredentials):
        store.send_login(body)

    assert len(store.sessions) == 1


def test_other_assertion_of_a_spent_challenge_is_rejected() -> None:
    store, device, other = FakePasskeyStore(), SoftwareAuthenticator(), SoftwareAuthenticator()
    store.register(device)
    store.register(other)
    challenge = store.challenge()
    store.log_in(device, challenge=challenge)

    with pytest.raises(InvalidCredentials):
        store.log_in(other, challenge=challenge)


def test_copied_passkey_is_rejected() -> None:
    store, device = FakePasskeyStore(), SoftwareAuthenticator(counter=1)
    store.register(device)
    store.log_in(device.changed(counter=2))

    metrics.collect()
    with pytest.raises(InvalidCredentials):
        store.log_in(device.changed(counter=2))
    assert metrics.log_fields()["PasskeysCopied"] == 1


def test_repetition_of_a_login_with_a_counter_is_reported_as_no_copy() -> None:
    store, device = FakePasskeyStore(), SoftwareAuthenticator(counter=1)
    store.register(device)
    body = device.changed(counter=2).log_in(store.challenge(), ALICE.id)
    store.send_login(body)

    metrics.collect()
    with pytest.raises(InvalidCredentials):
        store.send_login(body)
    assert "PasskeysCopied" not in metrics.log_fields()


def test_login_during_one_with_a_higher_counter_is_rejected() -> None:
    store, device = FakePasskeyStore(), SoftwareAuthenticator(counter=1)
    store.register(device)

    def log_in_first() -> None:
        store.meanwhile = lambda: None
        store.log_in(device.changed(counter=3))

    store.meanwhile = log_in_first

    with pytest.raises(InvalidCredentials):
        store.log_in(device.changed(counter=2))
    assert len(store.sessions) == 1


def test_login_during_another_one_of_a_passkey_without_a_counter_succeeds() -> None:
    store, device = FakePasskeyStore(), SoftwareAuthenticator()
    store.register(device)

    def log_in_first() -> None:
        store.meanwhile = lambda: None
        store.now += timedelta(milliseconds=1)
        store.log_in(device)

    store.meanwhile = log_in_first
    store.log_in(device)

    assert len(store.sessions) == 2


def test_inactive_account_is_rejected_only_with_the_right_signature() -> None:
    store, device = FakePasskeyStore(), SoftwareAuthenticator()
    store.register(device)
    store.disable(ALICE.id)
    body = device.log_in(store.challenge(), ALICE.id)

    with pytest.raises(InvalidCredentials):
        store.send_login(body | {"signature": to_text(b"wrong")})
    with pytest.raises(AccountInactive):
        store.send_login(body)
    assert store.sessions == []


def test_passkey_of_a_deleted_user_is_rejected() -> None:
    store, device = FakePasskeyStore(), SoftwareAuthenticator()
    store.register(device)
    store.states.clear()

    with pytest.raises(InvalidCredentials):
        store.log_in(device)


def test_deleted_passkey_is_rejected() -> None:
    store, device = FakePasskeyStore(), SoftwareAuthenticator()
    store.register(device)
    store.passkeys.clear()

    with pytest.raises(InvalidCredentials):
        store.log_in(device)


def test_login_during_the_deletion_of_its_passkey_is_rejected() -> None:
    store, device = FakePasskeyStore(), SoftwareAuthenticator()
    store.register(device)
    store.meanwhile = store.passkeys.clear

    with pytest.raises(InvalidCredentials):
        store.log_in(device)
    assert store.sessions == []


def test_login_during_a_password_change_starts_in_the_new_generation() -> None:
    store, device = FakePasskeyStore(), SoftwareAuthenticator()
    store.register(device)

    def change_password() -> None:
        store.states[ALICE.id] = replace(ACTIVE, generation=4)

    store.meanwhile = change_password

    assert store.log_in(device).session.generation == 4


@pytest.mark.usefixtures("no_time_to_retry")
def test_login_gets_503_while_its_account_keeps_changing() -> None:
    store, device = FakePasskeyStore(), SoftwareAuthenticator()
    store.register(device)

    def change() -> None:
        state = store.states[ALICE.id]
        store.states[ALICE.id] = replace(state, generation=state.generation + 1)

    store.meanwhile = change

    with pytest.raises(ServiceUnavailable):
        store.log_in(device)


def test_full_window_rejects_the_right_signature_too() -> None:
    store, device = FakePasskeyStore(), SoftwareAuthenticator()
    store.register(device)
    store.is_full = True

    with pytest.raises(TooManyRequests):
        store.log_in(device)


def test_attempts_are_counted_for_each_passkey_of_each_user() -> None:
    store, device, other = FakePasskeyStore(), SoftwareAuthenticator(), SoftwareAuthenticator()
    cases: list[tuple[SoftwareAuthenticator, str]] = [
        (device, ALICE.id),
        (other, ALICE.id),
        (device, BOB.id),
    ]
    for it, user_id in cases * 2:
        with pytest.raises(InvalidCredentials):
            store.log_in(it, user_id)

    windows: list[Any] = [guess.attempt.windows for guess in store.guesses]
    assert windows[:3] == windows[3:]
    assert len({window.digest for pair in windows for window in pair}) == 6


def test_oldest_session_above_the_limit_ends() -> None:
    store, device = FakePasskeyStore(), SoftwareAuthenticator()
    store.register(device)
    for _ in range(MAX_SESSIONS):
        store.log_in(device)
    store.sessions.reverse()  # newest first, as stores return them

    store.log_in(device)

    assert store.ended == [store.sessions[-2].id]
