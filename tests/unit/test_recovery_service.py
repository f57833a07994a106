"""A recovery link is valid once, for its purpose, while its account is unchanged."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import replace
from datetime import datetime, timedelta

import pytest

from shop.caller import Client, Role
from shop.email_queue import RESET_REQUESTED, VERIFICATION_REQUESTED
from shop.errors import NotFound, ServiceUnavailable, TooManyRequests, ValidationFailed
from shop.identity.accounts.models import Account, AccountState, Credential, UserStatus
from shop.identity.login_attempts.models import RateLimitedRequest
from shop.identity.recovery.models import LIFETIME, Purpose, RecoveryToken
from shop.identity.recovery.requests import PasswordReset, PasswordResetCreate
from shop.identity.recovery.service import RecoveryLinks, RecoveryService
from shop.identity.recovery.tokens import digest_of
from shop.retries import StaleVersion
from tests.support.fixtures import ALICE, BROWSER, NOON

USER = Account(ALICE.id, "ada@example.com", UserStatus.ACTIVE, False, NOON, 1)
NEW = PasswordReset.model_validate({"password": "wrong donkey charger"}, strict=False)


class FakeRecoveryStore:
    """One user and the tokens in memory; concurrent changes precede the next `overtaken` writes."""

    def __init__(self, overtaken: int = 0) -> None:
        self.known: Account | None = USER
        self.generation = 1
        self.hash = "hash of correct horse"
        self.tokens: dict[str, RecoveryToken] = {}
        self.overtaken = overtaken
        self.writes = 0
        self.forgotten: RateLimitedRequest | None = None

    def add(self, token: RecoveryToken) -> None:
        self.tokens[token.digest] = token

    def token(self, digest: str) -> RecoveryToken | None:
        return self.tokens.get(digest)

    def account(self, user_id: str) -> Account | None:
        return self.known

    def account_state(self, user_id: str) -> AccountState | None:
        if self.known is None:
            return None
        return AccountState(user_id, self.generation, self.known.status, Role.CUSTOMER)

    def credential(self, email: str) -> Credential | None:
        return Credential(ALICE.id, self.hash) if self.known else None

    def verify(self, token: RecoveryToken, account: Account, at: datetime) -> None:
        self._spend(token)
        self.known = _verified(account, at)

    def reset(
        self,
        token: RecoveryToken,
        account: Account,
        old_hash: str,
        new_hash: str,
        forgotten: RateLimitedRequest,
        at: datetime,
    ) -> None:
        self._spend(token)
        self.known, self.hash, self.forgotten = _verified(account, at), new_hash, forgotten
        self.generation += 1

    def _spend(self, token: RecoveryToken) -> None:
        self.writes += 1
        if self.overtaken:
            self.overtaken -= 1
            raise StaleVersion
        if token.digest not in self.tokens:
            raise NotFound
        del self.tokens[token.digest]


def _verified(account: Account, at: datetime) -> Account:
    return replace(account, email_verified=True, updated_at=at, version=account.version + 1)


class FakeRequestLimiter:
    """A limit of three requests, and the queued emails."""

    def __init__(self) -> None:
        self.counted: list[RateLimitedRequest] = []
        self.wishes: list[tuple[str, Mapping[str, str]]] = []

    @contextmanager
    def limit(self, attempt: RateLimitedRequest) -> Iterator[None]:
        if len(self.counted) == 3:
            raise TooManyRequests(retry_after=1)
        self.counted.append(attempt)
        yield

    def put(self, id_: str, type_: str, time: datetime, data: Mapping[str, str]) -> None:
        self.wishes.append((type_, data))


def service(
    store: FakeRecoveryStore, limiter: FakeRequestLimiter | None = None, now: datetime = NOON
) -> RecoveryService:
    limiter = limiter or FakeRequestLimiter()
    return RecoveryService(
        store, limiter, limiter, lambda password: f"hash of {password}", lambda: now, lambda: "id"
    )


def mailed(store: FakeRecoveryStore, purpose: Purpose) -> str:
    """Return the token of the newest link."""
    link = RecoveryLinks(store, "https://shop.example/recovery", lambda: NOON).make(
        USER.id, USER.email, purpose
    )
    assert link is not None
    page, _, token = link.partition(f"#{purpose}=")
    assert page == "https://shop.example/recovery"
    return token


def test_link_is_stored_as_a_digest_only() -> None:
    store = FakeRecoveryStore()

    token = mailed(store, Purpose.RESET)

    (kept,) = store.tokens.values()
    assert token not in str(kept)
    assert len(token) == 43
    assert kept == RecoveryToken(
        digest_of(token), Purpose.RESET, ALICE.id, "ada@example.com", 1, NOON + LIFETIME
    )


def test_deleted_user_gets_no_link() -> None:
    store = FakeRecoveryStore()
    store.known = None

    assert RecoveryLinks(store, "", lambda: NOON).make(USER.id, USER.email, Purpose.RESET) is None
    assert store.tokens == {}


def test_confirmed_address_is_verified_and_its_token_spent() -> None:
    store = FakeRecoveryStore()
    token = mailed(store, Purpose.VERIFICATION)

    service(store).verify(token)

    assert store.known == replace(USER, email_verified=True, version=2)
    with pytest.raises(NotFound):
        service(store).verify(token)


def test_reset_sets_the_hash_ends_sessions_verifies_and_clears_attempts() -> None:
    store = FakeRecoveryStore()

    service(store).reset(mailed(store, Purpose.RESET), NEW, BROWSER)

    assert store.hash == "hash of wrong donkey charger"
    assert store.generation == 2
    assert store.known == replace(USER, email_verified=True, version=2)
    assert store.forgotten is not None and store.tokens == {}


def test_reset_invalidates_all_other_resets_but_no_verification() -> None:
    store = FakeRecoveryStore()
    first, second = (mailed(store, Purpose.RESET) for _ in range(2))
    verification = mailed(store, Purpose.VERIFICATION)

    service(store).reset(first, NEW, BROWSER)

    with pytest.raises(NotFound):
        service(store).reset(second, NEW, BROWSER)
    service(store).verify(verification)


@pytest.mark.parametrize(
    "known",
    [None, replace(USER, email="king@example.com"), replace(USER, status=UserStatus.INACTIVE)],
    ids=["gone", "moved", "inactive"],
)
@pytest.mark.parametrize("purpose", Purpose)
def test_link_is_invalid_after_a_change_of_address_or_account(
    known: Account | None, purpose: Purpose
) -> None:
    store = FakeRecoveryStore()
    token = mailed(store, purpose)
    store.known = known

    with pytest.raises(NotFound):
        if purpose is Purpose.RESET:
            service(store).reset(token, NEW, BROWSER)
        else:
            service(store).verify(token)
    assert store.writes == 0


@pytest.mark.parametrize("purpose", Purpose)
def test_link_expires_after_exactly_an_hour(purpose: Purpose) -> None:
    store = FakeRecoveryStore()
    token = mailed(store, purpose)

    def redeem(now: datetime) -> None:
        if purpose is Purpose.RESET:
            service(store, now=now).reset(token, NEW, BROWSER)
        else:
            service(store, now=now).verify(token)

    with pytest.raises(NotFound):
        redeem(NOON + LIFETIME)
    redeem(NOON + LIFETIME - timedelta(milliseconds=1))


def test_token_of_another_purpose_is_invalid() -> None:
    store = FakeRecoveryStore()

    with pytest.raises(NotFound):
        service(store).verify(mailed(store, Purpose.RESET))
    with pytest.raises(NotFound):
        service(store).reset(mailed(store, Purpose.VERIFICATION), NEW, BROWSER)
    assert store.writes == 0


def test_email_as_password_is_rejected_and_keeps_the_token() -> None:
    store = FakeRecoveryStore()
    token = mailed(store, Purpose.RESET)
    payload = PasswordReset.model_validate({"password": "Ada@Example.com"}, strict=False)

    with pytest.raises(ValidationFailed) as rejection:
        service(store).reset(token, payload, BROWSER)

    assert [detail.field for detail in rejection.value.details] == ["body.password"]
    service(store).reset(token, NEW, BROWSER)


def test_stale_user_is_read_again_before_its_email_is_verified() -> None:
    store = FakeRecoveryStore(overtaken=1)

    service(store).verify(mailed(store, Purpose.VERIFICATION))

    assert store.writes == 2


@pytest.mark.usefixtures("no_time_to_retry")
@pytest.mark.parametrize("purpose", Purpose)
def test_recovery_gets_503_while_the_user_keeps_changing(purpose: Purpose) -> None:
    store = FakeRecoveryStore(overtaken=1000)
    token = mailed(store, purpose)

    with pytest.raises(ServiceUnavailable):
        if purpose is Purpose.RESET:
            service(store).reset(token, NEW, BROWSER)
        else:
            service(store).verify(token)

    assert store.writes == 1


def test_requests_are_counted_before_an_email_is_queued() -> None:
    store, limiter = FakeRecoveryStore(), FakeRequestLimiter()
    payload = PasswordResetCreate.model_validate({"email": "ada@example.com"})

    service(store, limiter).request_email_verification(ALICE, BROWSER)
    service(store, limiter).request_password_reset(payload, BROWSER)
    service(store, limiter).request_password_reset(payload, BROWSER)
    with pytest.raises(TooManyRequests):
        service(store, limiter).request_password_reset(payload, BROWSER)

    assert limiter.wishes == [
        (VERIFICATION_REQUESTED, {"userId": ALICE.id}),
        (RESET_REQUESTED, {"email": "ada@example.com"}),
        (RESET_REQUESTED, {"email": "ada@example.com"}),
    ]


def test_requests_are_counted_per_network_and_per_user() -> None:
    limiter = FakeRequestLimiter()
    for email, address in [("a@a.example", "192.0.2.1"), ("b@a.example", "192.0.2.9")]:
        payload = PasswordResetCreate.model_validate({"email": email})
        service(FakeRecoveryStore(), limiter).request_password_reset(payload, Client("", address))
    payload = PasswordResetCreate.model_validate({"email": "a@a.example"})
    service(FakeRecoveryStore(), limiter).request_password_reset(
        payload, Client("", "198.51.100.1")
    )

    first, second, third = limiter.counted
    assert first.from_network.digest == second.from_network.digest != third.from_network.digest
    assert first.from_anywhere.digest == third.from_anywhere.digest != second.from_anywhere.digest
