"""Passkeys in DynamoDB: one transaction spends the challenge and begins a session."""

from collections import Counter
from collections.abc import Iterator
from copy import replace
from datetime import timedelta
from typing import Any  # items have values of many types

import pytest

import shop.clients
from shop.caller import Role
from shop.clock import to_epoch
from shop.errors import InvalidCredentials, PasskeyExists, Unauthorized, ValidationFailed
from shop.identifiers import new_id
from shop.identity.accounts.models import UserStatus
from shop.identity.login_attempts.models import RateLimitedRequest
from shop.identity.login_attempts.repository import LoginAttemptRepository
from shop.identity.login_attempts.service import LoginAttemptService, login_attempt
from shop.identity.passkeys.challenges import Challenge, new_challenge
from shop.identity.passkeys.login import PasskeyLoginService
from shop.identity.passkeys.models import Algorithm, Passkey, PublicKey, RelyingParty
from shop.identity.passkeys.rejection import ChallengeSpent
from shop.identity.passkeys.repository import PasskeyRepository
from shop.identity.passkeys.requests import PasskeyCreate, PasskeySessionCreate
from shop.identity.passkeys.service import PasskeyService, passkey_id
from shop.identity.security_notices import Change
from shop.identity.sessions.models import IDLE_LIFETIME, RefreshDigests, Session
from shop.identity.sessions.repository import SessionRepository
from shop.retries import StaleVersion
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.aws_mock import fresh_aws
from tests.support.deployed_shop import gather
from tests.support.fixtures import ALICE, BROWSER, NOON
from tests.support.software_authenticator import ORIGIN, SoftwareAuthenticator

USER = User(
    ALICE.id, "ada@example.com", "Ada", UserStatus.ACTIVE, Role.CUSTOMER, False, NOON, NOON, 1
)
KEY = b"k" * 32
HERE = RelyingParty("localhost", frozenset({ORIGIN}))
MANY = 8


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        UserRepository().add(USER, "hash")
        yield


def items(table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shop.clients.dynamodb().scan(TableName=table)["Items"]
    return found


def passkey(**fields: Any) -> Passkey:
    credential_id = fields.pop("credential_id", b"credential")
    made = Passkey(
        user_id=ALICE.id,
        id=passkey_id(ALICE.id, credential_id),
        credential_id=credential_id,
        public_key=PublicKey(Algorithm.ES256, b"spki"),
        counter=0,
        is_backup_eligible=True,
        is_backed_up=False,
        name="Ada's phone",
        created_at=NOON,
        last_used_at=None,
    )
    return replace(made, **fields)


def challenge() -> Challenge:
    return new_challenge(KEY, NOON)


def session(generation: int = 1) -> Session:
    digests = RefreshDigests(b"family", b"current", b"salt")
    end = NOON + IDLE_LIFETIME
    return Session(ALICE.id, new_id(), generation, digests, NOON, NOON, end, end, "", "")


def added(**fields: Any) -> Passkey:
    made = passkey(**fields)
    PasskeyRepository().add(made, challenge(), session())
    return made


def attempt() -> RateLimitedRequest:
    counted = login_attempt(new_id(), "192.0.2.1").opened(NOON)
    assert LoginAttemptRepository().count(counted, NOON) is None
    return counted


def begin(used: Passkey, before: Passkey, spent: Challenge | None = None, **fields: Any) -> Session:
    begun = session(**fields)
    PasskeyRepository().begin(begun, used, before, spent or challenge(), attempt(), [])
    return begun


def found(passkey_id: str) -> Passkey | None:
    return PasskeyRepository().find(ALICE.id, passkey_id, login_attempt("x", "192.0.2.1"))[0]


def test_passkey_is_found_as_it_was_added() -> None:
    first, second = added(), added(credential_id=b"other", name="Key", counter=7)

    assert (found(first.id), found(second.id)) == (first, second)
    assert PasskeyRepository().registered(ALICE.id) == {first.id, second.id}
    assert found(new_id()) is None


def test_spent_challenge_is_stored_until_it_expires() -> None:
    spent = challenge()

    PasskeyRepository().add(passkey(), spent, session())

    (item,) = items("idempotency_table")
    assert item["id"]["S"] == f"passkey_challenge#{spent.id}"
    assert int(item["ttl"]["N"]) == to_epoch(spent.expires_at)


def test_spent_challenge_adds_no_other_passkey() -> None:
    spent = challenge()
    PasskeyRepository().add(passkey(), spent, session())

    with pytest.raises(ChallengeSpent):
        PasskeyRepository().add(passkey(credential_id=b"other"), spent, session())

    assert len(items("authenticators_table")) == 1


def test_challenge_is_spent_once_without_another_effect() -> None:
    spent = challenge()
    PasskeyRepository().spend(spent)

    with pytest.raises(ChallengeSpent):
        PasskeyRepository().spend(spent)


def test_existing_passkey_is_not_replaced_and_spends_no_challenge() -> None:
    first = added()

    with pytest.raises(StaleVersion):
        added(name="Another name")

    assert found(first.id) == first
    assert len(items("idempotency_table")) == 1


def test_ended_session_adds_no_passkey() -> None:
    with pytest.raises(Unauthorized):
        PasskeyRepository().add(passkey(), challenge(), session(generation=2))

    assert items("authenticators_table") == items("idempotency_table") == []


def test_login_moves_the_counter_and_begins_a_session() -> None:
    before = added(counter=1)
    used = replace(before, counter=5, is_backed_up=True, last_used_at=NOON + timedelta(hours=1))

    begun = begin(used, before)

    assert found(before.id) == used
    sessions, _ = SessionRepository().of_user(ALICE.id)
    assert sessions == [begun]
    # The attempt is uncounted: its network has none, and the count from anywhere is 0.
    assert [item["count"]["N"] for item in items("attempts_table")] == ["0"]


def test_spent_challenge_begins_no_session_and_moves_no_counter() -> None:
    before, spent = added(), challenge()
    used = replace(before, counter=1)
    begin(used, before, spent)

    with pytest.raises(ChallengeSpent):
        begin(replace(used, counter=2), used, spent)

    assert found(before.id) == used
    assert len(SessionRepository().of_user(ALICE.id)[0]) == 1


@pytest.mark.parametrize(
    "changed", [{"counter": 2}, {"public_key": PublicKey(Algorithm.ES256, b"other")}]
)
def test_passkey_that_changed_since_its_read_begins_no_session(changed: dict[str, Any]) -> None:
    before = added()
    used = replace(before, counter=3)

    with pytest.raises(StaleVersion):
        begin(used, replace(before, **changed))

    assert found(before.id) == before
    assert SessionRepository().of_user(ALICE.id)[0] == []


def test_missing_passkey_or_new_generation_begins_no_session() -> None:
    missing, before = passkey(credential_id=b"other"), added()

    with pytest.raises(StaleVersion):
        begin(missing, missing)
    with pytest.raises(StaleVersion):
        begin(before, before, generation=2)

    assert SessionRepository().of_user(ALICE.id)[0] == []
    assert [it["id"]["S"] for it in items("authenticators_table")] == [before.id]


# Races need a store that isolates transactions.


class Everybody:
    """A caller's session, and a mailbox that nobody reads."""

    def require(self, _: object) -> Session:
        return session()

    def send(self, user_id: str, change: Change, kind: str, reference: str) -> None:
        pass


def register(device: SoftwareAuthenticator, text: str) -> str:
    other = Everybody()
    service = PasskeyService(PasskeyRepository(), other, HERE, lambda: KEY, other, lambda: NOON)
    try:
        service.register(ALICE, PasskeyCreate.model_validate(device.register(text)))
    except (PasskeyExists, ValidationFailed) as error:
        return type(error).__name__
    return "added"


def log_in(body: dict[str, Any]) -> str:
    service = PasskeyLoginService(
        PasskeyRepository(),
        SessionRepository(),
        LoginAttemptService(LoginAttemptRepository(), lambda: NOON),
        HERE,
        lambda: KEY,
        lambda *_: "token",
        lambda: NOON,
        new_id,
    )
    try:
        service.log_in(PasskeySessionCreate.model_validate(body), BROWSER)
    except InvalidCredentials:
        return "rejected"
    return "begun"


@pytest.mark.dynamodb_local
def test_concurrent_registrations_with_one_challenge_add_one_passkey() -> None:
    devices, text = [SoftwareAuthenticator() for _ in range(MANY)], challenge().text

    outcomes = Counter(gather(MANY, lambda n: register(devices[n], text)))

    assert outcomes == {"added": 1, "ValidationFailed": MANY - 1}
    assert len(items("authenticators_table")) == 1


@pytest.mark.dynamodb_local
def test_concurrent_repetitions_of_a_registration_add_one_passkey() -> None:
    device, text = SoftwareAuthenticator(), challenge().text

    outcomes = Counter(gather(MANY, lambda _: register(device, text)))

    assert outcomes == {"added": 1, "PasskeyExists": MANY - 1}
    assert len(items("authenticators_table")) == 1


@pytest.mark.dynamodb_local
def test_concurrent_logins_with_one_challenge_begin_one_session() -> None:
    device, text = SoftwareAuthenticator(), challenge().text
    assert register(device, challenge().text) == "added"
    body = device.log_in(text, ALICE.id)

    outcomes = Counter(gather(MANY, lambda _: log_in(body)))

    assert outcomes == {"begun": 1, "rejected": MANY - 1}
    assert len(SessionRepository().of_user(ALICE.id)[0]) == 1


@pytest.mark.dynamodb_local
def test_concurrent_logins_with_one_counter_begin_one_session() -> None:
    device = SoftwareAuthenticator(counter=1)
    assert register(device, challenge().text) == "added"
    copy = device.changed(counter=2)
    bodies = [copy.log_in(challenge().text, ALICE.id) for _ in range(MANY)]

    outcomes = Counter(gather(MANY, lambda n: log_in(bodies[n])))

    assert outcomes == {"begun": 1, "rejected": MANY - 1}


@pytest.mark.dynamodb_local
def test_concurrent_logins_with_a_challenge_each_all_begin() -> None:
    device = SoftwareAuthenticator()
    assert register(device, challenge().text) == "added"
    # Each of the others can open and delete the window of attempts: four changes, of five tries.
    bodies = [device.log_in(challenge().text, ALICE.id) for _ in range(3)]

    outcomes = Counter(gather(3, lambda n: log_in(bodies[n])))

    assert outcomes == {"begun": 3}
