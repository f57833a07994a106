"""A passkey is added soon after a login, once, and its owner gets an email."""

from datetime import timedelta
from typing import Any

import pytest

from shop.caller import App
from shop.clock import to_text
from shop.errors import (
    InsufficientScope,
    LimitReached,
    LoginTooOld,
    PasskeyExists,
    ValidationFailed,
)
from shop.identity.passkeys.challenges import LIFETIME, new_challenge
from shop.identity.passkeys.models import MAX_PASSKEYS
from tests.fakes.passkey_store import FakePasskeyStore
from tests.support.fixtures import ALICE, BOB, NOON
from tests.support.software_authenticator import SoftwareAuthenticator


def test_passkey_is_added_with_an_email_to_its_owner() -> None:
    store, device = FakePasskeyStore(), SoftwareAuthenticator(counter=7)

    passkey = store.register(device)

    assert store.passkeys == {passkey.id: passkey}
    assert (passkey.user_id, passkey.name, passkey.counter) == (ALICE.id, "Ada's phone", 7)
    assert (passkey.created_at, passkey.last_used_at) == (NOON, None)
    assert store.notices == [f"{ALICE.id} added passkey {passkey.id} {to_text(NOON)}"]


def test_same_passkey_of_two_users_has_two_ids() -> None:
    store, device = FakePasskeyStore(), SoftwareAuthenticator()

    ids = {store.register(device).id, store.register(device, BOB).id}

    assert len(ids) == 2


def test_old_login_is_rejected_before_the_request_is_checked() -> None:
    store = FakePasskeyStore(is_recent=False)

    with pytest.raises(LoginTooOld):
        store.register(SoftwareAuthenticator(origin="https://evil.example"))

    assert store.passkeys == {} and store.spent == set() and store.notices == []


def test_app_of_a_third_party_is_rejected() -> None:
    store = FakePasskeyStore()
    app = ALICE._replace(app=App("client", frozenset({"account:read"}), is_for_user=True))

    with pytest.raises(InsufficientScope):
        store.register(SoftwareAuthenticator(), app)


def details(failed: pytest.ExceptionInfo[ValidationFailed]) -> list[tuple[str, str]]:
    return [(it.field, it.code) for it in failed.value.details]


@pytest.mark.parametrize(
    ("wrong", "detail"),
    [
        ({"origin": "https://evil.example"}, ("body.clientData", "wrong_origin")),
        ({"domain": "evil.example"}, ("body.authenticatorData", "wrong_domain")),
        ({"flags": 0x01}, ("body.authenticatorData", "user_unverified")),
    ],
)
def test_wrong_response_is_rejected_with_its_field(
    wrong: dict[str, Any], detail: tuple[str, str]
) -> None:
    store = FakePasskeyStore()

    with pytest.raises(ValidationFailed) as failed:
        store.register(SoftwareAuthenticator().changed(**wrong))

    assert details(failed) == [detail]
    assert store.passkeys == {} and store.spent == set() and store.notices == []


def test_expired_foreign_or_spent_challenge_is_rejected() -> None:
    store = FakePasskeyStore()
    spent = store.challenge()
    store.register(SoftwareAuthenticator(), challenge=spent)
    expired = new_challenge(b"k" * 32, NOON - LIFETIME).text
    foreign = new_challenge(b"o" * 32, NOON).text

    for challenge in (spent, expired, foreign, "no challenge"):
        with pytest.raises(ValidationFailed) as failed:
            store.register(SoftwareAuthenticator(), challenge=challenge)

        assert details(failed) == [("body.challenge", "invalid_challenge")]
    assert len(store.passkeys) == 1


def test_repetition_finds_the_passkey_and_sends_no_other_notice() -> None:
    store, device = FakePasskeyStore(), SoftwareAuthenticator()
    challenge = store.challenge()
    store.register(device, challenge=challenge)
    store.now += timedelta(seconds=30)

    with pytest.raises(PasskeyExists):
        store.register(device, challenge=challenge)

    assert len(store.notices) == 1


def test_passkey_that_is_added_again_after_its_deletion_gets_another_email() -> None:
    store, device = FakePasskeyStore(), SoftwareAuthenticator()
    store.register(device)
    store.passkeys.clear()
    store.now += timedelta(minutes=1)

    store.register(device)

    assert len(set(store.notices)) == 2


def test_concurrent_repetition_finds_the_passkey() -> None:
    store, device = FakePasskeyStore(), SoftwareAuthenticator()
    challenge = store.challenge()

    def register_first() -> None:
        store.meanwhile = lambda: None
        store.register(device, challenge=challenge)

    store.meanwhile = register_first

    with pytest.raises(PasskeyExists):
        store.register(device, challenge=challenge)
    assert len(store.passkeys) == 1 and len(set(store.notices)) == 1


def test_number_of_passkeys_is_limited_per_user() -> None:
    store = FakePasskeyStore()
    for _ in range(MAX_PASSKEYS):
        store.register(SoftwareAuthenticator())

    with pytest.raises(LimitReached):
        store.register(SoftwareAuthenticator())
    store.register(SoftwareAuthenticator(), BOB)

    assert len(store.passkeys) == MAX_PASSKEYS + 1
