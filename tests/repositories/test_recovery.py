"""Recovery tokens are spent in the transaction of their effect."""

from collections.abc import Iterator
from copy import replace
from typing import Any

import pytest

import shop.clients
from shop.caller import Role
from shop.clock import to_epoch
from shop.errors import NotFound
from shop.identity.accounts.models import Account, Credential, UserStatus
from shop.identity.accounts.repository import AccountRepository
from shop.identity.login_attempts.repository import LoginAttemptRepository
from shop.identity.login_attempts.service import login_attempt
from shop.identity.recovery.models import LIFETIME, Purpose, RecoveryToken
from shop.identity.recovery.repository import RecoveryRepository
from shop.identity.sessions.repository import SessionRepository
from shop.mail.repository import EmailContextRepository
from shop.retries import StaleVersion
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import ALICE, NOON

EMAIL = "ada@example.com"
USER = User(ALICE.id, EMAIL, "Ada", UserStatus.ACTIVE, Role.CUSTOMER, False, NOON, NOON, 1)
ACCOUNT = Account(USER.id, EMAIL, USER.status, False, NOON, 1)
VERIFIED = replace(USER, email_verified=True, version=2)
TOKEN = RecoveryToken("digest", Purpose.RESET, ALICE.id, EMAIL, 1, NOON + LIFETIME)
ATTEMPT = login_attempt(EMAIL, "192.0.2.1")


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        UserRepository().add(USER, "hash")
        RecoveryRepository().add(TOKEN)
        yield


def everything() -> str:
    client = shop.clients.dynamodb()
    tables = ("users_table", "credentials_table", "sessions_table", "recovery_tokens_table")
    return str([client.scan(TableName=table)["Items"] for table in tables])


def reset(token: RecoveryToken = TOKEN, account: Account = ACCOUNT, old_hash: str = "hash") -> None:
    RecoveryRepository().reset(token, account, old_hash, "new hash", ATTEMPT, NOON)


def test_recovery_token_is_stored_and_expires_after_its_hour() -> None:
    assert RecoveryRepository().token("digest") == TOKEN
    assert RecoveryRepository().token("another") is None
    (row,) = shop.clients.dynamodb().scan(TableName="recovery_tokens_table")["Items"]
    assert row["ttl"]["N"] == str(to_epoch(NOON + LIFETIME))


def test_verification_spends_its_token() -> None:
    RecoveryRepository().verify(TOKEN, ACCOUNT, NOON)

    assert UserRepository().get(USER.id) == VERIFIED
    assert RecoveryRepository().token("digest") is None
    with pytest.raises(NotFound):
        RecoveryRepository().verify(TOKEN, replace(ACCOUNT, version=2), NOON)


def test_verification_of_a_stale_user_changes_nothing() -> None:
    before = everything()

    with pytest.raises(StaleVersion):
        RecoveryRepository().verify(TOKEN, replace(ACCOUNT, version=7), NOON)

    assert everything() == before


def test_reset_changes_hash_generation_profile_and_attempts_and_spends_its_token() -> None:
    attempt = ATTEMPT.opened(NOON)
    assert LoginAttemptRepository().count(attempt, NOON) is None

    reset()

    credential, counted = SessionRepository().find_credential(EMAIL, ATTEMPT)
    account_state = AccountRepository().account_state(USER.id)
    assert credential == Credential(USER.id, "new hash")
    assert [tally.attempts for tally in counted.windows] == [0, 0]
    assert account_state is not None and account_state.generation == 2
    assert UserRepository().get(USER.id) == replace(VERIFIED, password_changed_at=NOON)
    assert RecoveryRepository().token("digest") is None


@pytest.mark.parametrize(
    ("stale", "error"),
    [
        ({"token": replace(TOKEN, digest="spent")}, NotFound),
        ({"token": replace(TOKEN, generation=2)}, StaleVersion),
        ({"account": replace(ACCOUNT, version=2)}, StaleVersion),
        ({"old_hash": "another hash"}, StaleVersion),
    ],
    ids=["token", "generation", "user", "hash"],
)
def test_stale_reset_changes_nothing(stale: dict[str, Any], error: type[Exception]) -> None:
    before = everything()

    with pytest.raises(error):
        reset(**stale)

    assert everything() == before


def test_account_has_the_fields_of_the_stored_user() -> None:
    assert RecoveryRepository().account(USER.id) == ACCOUNT
    assert RecoveryRepository().account("nobody") is None


def test_email_context_finds_the_owner_of_an_address() -> None:
    assert EmailContextRepository().owner(EMAIL) == USER
    assert EmailContextRepository().owner("nobody@example.com") is None
