"""A recovery token is spent with what it is good for, or not at all."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest

from shop.attempts.repository import AttemptRepository
from shop.attempts.service import attempt_on
from shop.auth.caller import Role
from shop.clock import to_epoch
from shop.errors import NotFound
from shop.mail.repository import ArchiveRepository
from shop.recovery.models import LIFETIME, Purpose, RecoveryToken
from shop.recovery.repository import RecoveryRepository
from shop.retries import StaleVersion
from shop.sessions.repository import SessionRepository
from shop.users.models import Credential, User, UserStatus
from shop.users.repository import UserRepository
from tests.aws import fresh_aws
from tests.people import ALICE, NOON

EMAIL = "ada@example.com"
USER = User(ALICE.id, EMAIL, "Ada", UserStatus.ACTIVE, Role.CUSTOMER, False, NOON, NOON, 1)
VERIFIED = replace(USER, email_verified=True, version=2)
TOKEN = RecoveryToken("digest", Purpose.RESET, ALICE.id, EMAIL, 1, NOON + LIFETIME)
ATTEMPT = attempt_on(EMAIL, "192.0.2.1")


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        UserRepository().add(USER, "hash")
        RecoveryRepository().add(TOKEN)
        yield


def everything() -> str:
    client = boto3.client("dynamodb")
    tables = ("users_table", "credentials_table", "sessions_table", "recovery_tokens_table")
    return str([client.scan(TableName=table)["Items"] for table in tables])


def reset(token: RecoveryToken = TOKEN, before: User = USER, old_hash: str = "hash") -> None:
    after = replace(before, email_verified=True, version=before.version + 1)
    RecoveryRepository().reset(token, before, after, old_hash, "new hash", ATTEMPT)


def test_a_token_is_read_back_and_deleted_by_ttl_after_its_hour() -> None:
    assert RecoveryRepository().token("digest") == TOKEN
    assert RecoveryRepository().token("another") is None
    (row,) = boto3.client("dynamodb").scan(TableName="recovery_tokens_table")["Items"]
    assert row["ttl"]["N"] == str(to_epoch(NOON + LIFETIME))


def test_a_verification_spends_the_token_with_it() -> None:
    RecoveryRepository().verify(TOKEN, USER, VERIFIED)

    assert UserRepository().get(USER.id) == VERIFIED
    assert RecoveryRepository().token("digest") is None
    with pytest.raises(NotFound):
        RecoveryRepository().verify(TOKEN, VERIFIED, replace(VERIFIED, version=3))


def test_a_verification_of_a_user_who_changed_meanwhile_changes_nothing() -> None:
    before = everything()

    with pytest.raises(StaleVersion):
        RecoveryRepository().verify(TOKEN, replace(USER, version=7), VERIFIED)

    assert everything() == before


def test_a_reset_changes_hash_epoch_profile_and_attempts_and_spends_the_token() -> None:
    attempt = ATTEMPT.opened(NOON)
    assert AttemptRepository().count(attempt, NOON) is None

    reset()

    credential, counted = SessionRepository().look_up(EMAIL, ATTEMPT)
    gate = SessionRepository().gate(USER.id)
    assert credential == Credential(USER.id, "new hash")
    assert [tally.count for tally in counted] == [0, 0]
    assert gate is not None and gate.epoch == 2
    assert UserRepository().get(USER.id) == VERIFIED
    assert RecoveryRepository().token("digest") is None
    (row,) = boto3.client("dynamodb").scan(TableName="users_table")["Items"]
    assert "password_changed_at" in row


@pytest.mark.parametrize(
    ("stale", "error"),
    [
        ({"token": replace(TOKEN, digest="spent")}, NotFound),
        ({"token": replace(TOKEN, epoch=2)}, StaleVersion),
        ({"before": replace(USER, version=2)}, StaleVersion),
        ({"old_hash": "another hash"}, StaleVersion),
    ],
    ids=["token", "epoch", "user", "hash"],
)
def test_a_reset_on_top_of_another_change_changes_nothing(
    stale: dict[str, Any], error: type[Exception]
) -> None:
    before = everything()

    with pytest.raises(error):
        reset(**stale)

    assert everything() == before


def test_mail_finds_the_owner_of_an_address() -> None:
    assert ArchiveRepository().owner(EMAIL) == USER
    assert ArchiveRepository().owner("nobody@example.com") is None
