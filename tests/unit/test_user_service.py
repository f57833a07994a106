"""Concurrent changes of a user are merged, rejected, or time out with a 503."""

from collections.abc import Callable
from copy import replace

import pytest

from shop.caller import Client, Role
from shop.errors import (
    Forbidden,
    InvalidCredentials,
    PreconditionFailed,
    ServiceUnavailable,
    TooManyRequests,
    ValidationFailed,
)
from shop.identity.accounts.models import Credential, UserStatus
from shop.identity.login_attempts.service import login_attempt, rate_limited_request
from shop.preconditions import Precondition
from shop.users.requests import PasswordChange, UserCreate, UserUpdate
from shop.users.service import MAX_PASSWORD_CHANGES, MAX_PROFILE_CHANGES, UserService
from tests.fakes.user_store import (
    USER,
    FakeRateLimiter,
    FakeUserStore,
    NoPersonalData,
    user_service,
)
from tests.support.fixtures import ADMIN, ALICE, BOB

CLIENT = Client("a browser", "192.0.2.1")
PROFILE_CHANGE = rate_limited_request(
    f"profile change of {ALICE.id}",
    *(ALICE.id, CLIENT.ip_address, MAX_PROFILE_CHANGES, MAX_PROFILE_CHANGES),
)


def patch(**changes: object) -> UserUpdate:
    return UserUpdate.model_validate(changes, strict=False)


def test_change_is_merged_with_a_concurrent_one() -> None:
    store = FakeUserStore(overtaken=1)

    changed = user_service(store).update(
        ADMIN, ALICE.id, patch(email="ada.king@example.com"), Precondition(), CLIENT
    )

    assert (changed.name, changed.email, changed.version) == (
        *("Ada King", "ada.king@example.com"),
        3,
    )


def test_change_with_a_required_version_is_not_merged() -> None:
    store = FakeUserStore(overtaken=1)
    demanded = Precondition(frozenset({'"1"'}))

    with pytest.raises(PreconditionFailed):
        user_service(store).update(ADMIN, ALICE.id, patch(name="B"), demanded, CLIENT)
    assert store.writes == 1


@pytest.mark.usefixtures("no_time_to_retry")
def test_user_change_gets_503_while_the_user_keeps_changing() -> None:
    passwords = {"currentPassword": "correct horse", "newPassword": "wrong donkey"}
    payload = PasswordChange.model_validate(passwords, strict=False)

    attempts: list[Callable[[UserService], object]] = [
        lambda service: service.update(ADMIN, ALICE.id, patch(name="B"), Precondition(), CLIENT),
        lambda service: service.delete(ADMIN, ALICE.id, Precondition(), NoPersonalData()),
        lambda service: service.change_password(ALICE, ALICE.id, payload, CLIENT),
    ]
    for attempt in attempts:
        store = FakeUserStore(overtaken=1000)
        with pytest.raises(ServiceUnavailable) as rejection:
            attempt(user_service(store))
        assert rejection.value.retry_after == 1
        assert store.writes == 1


def test_unchanged_user_is_not_written() -> None:
    store = FakeUserStore()

    assert (
        user_service(store).update(ALICE, ALICE.id, patch(name="Ada"), Precondition(), CLIENT)
        == USER
    )
    assert store.writes == 0


def test_changed_address_is_unverified() -> None:
    store = FakeUserStore()
    store.user = replace(USER, email_verified=True)

    kept = user_service(store).update(ADMIN, ALICE.id, patch(name="B"), Precondition(), CLIENT)
    changed = user_service(store).update(
        ADMIN, ALICE.id, patch(email="b@example.com"), Precondition(), CLIENT
    )

    assert (kept.email_verified, changed.email_verified) == (True, False)


def test_admin_changes_the_own_address_with_the_own_password_only() -> None:
    store = FakeUserStore()
    store.user = replace(USER, id=ADMIN.id, role=Role.ADMIN)

    with pytest.raises(InvalidCredentials):
        user_service(store).update(
            ADMIN, ADMIN.id, patch(email="b@example.com"), Precondition(), CLIENT
        )
    assert store.writes == 0


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.CUSTOMER, UserStatus.ACTIVE), (Role.ADMIN, UserStatus.INACTIVE)],
)
def test_demoted_admin_cannot_use_a_cached_role(role: Role, status: UserStatus) -> None:
    store = FakeUserStore()
    store.user = replace(USER, id=ADMIN.id, role=role, status=status)
    payload = patch(role="admin", status="active")

    with pytest.raises(Forbidden):
        user_service(store).update(ADMIN, ADMIN.id, payload, Precondition(), CLIENT)
    assert store.writes == 0


def test_admin_change_of_another_user_checks_the_role_on_write() -> None:
    store = FakeUserStore()

    user_service(store).update(ADMIN, ALICE.id, patch(name="B"), Precondition(), CLIENT)
    assert store.by_admin == ADMIN.id
    user_service(store).update(ALICE, ALICE.id, patch(name="C"), Precondition(), CLIENT)
    assert store.by_admin is None
    user_service(store).delete(ADMIN, ALICE.id, Precondition(), NoPersonalData())
    assert store.by_admin == ADMIN.id


def test_operator_changes_a_status_under_concurrent_writes() -> None:
    store = FakeUserStore(overtaken=1)

    user_service(store).change_status(ALICE.id, UserStatus.INACTIVE)
    assert (store.user.status, store.user.version) == (UserStatus.INACTIVE, 3)
    user_service(store).change_status(ALICE.id, UserStatus.INACTIVE)
    assert store.writes == 2

    store.overtaken = 1000
    with pytest.raises(ServiceUnavailable):
        user_service(store).change_status(ALICE.id, UserStatus.ACTIVE)


def test_concurrent_address_change_keeps_the_right_password_valid() -> None:
    class Moving(FakeUserStore):
        def credential(self, email: str) -> Credential | None:
            found = super().credential(email)
            if self.user.version == USER.version:
                self.user = replace(self.user, email="moved@example.com", version=2)
                return None
            return found

    store = Moving()
    passwords = {"currentPassword": "correct horse", "newPassword": "a walk by the river"}
    payload = PasswordChange.model_validate(passwords, strict=False)

    user_service(store).change_password(ALICE, ALICE.id, payload, CLIENT)

    assert store.password_hash == "hash of a walk by the river"


def test_stranger_changes_nothing() -> None:
    store = FakeUserStore()
    passwords = {"currentPassword": "correct horse", "newPassword": "wrong donkey"}
    payload = PasswordChange.model_validate(passwords, strict=False)

    for attempt in (
        lambda: user_service(store).update(BOB, ALICE.id, patch(name="B"), Precondition(), CLIENT),
        lambda: user_service(store).delete(BOB, ALICE.id, Precondition(), NoPersonalData()),
        lambda: user_service(store).change_password(ADMIN, ALICE.id, payload, CLIENT),
    ):
        with pytest.raises(Forbidden):
            attempt()
    assert store.writes == 0


def test_former_addresses_are_kept_with_the_versions_that_replaced_them() -> None:
    store = FakeUserStore()

    for number in range(12):
        email = f"ada.{number}@example.com"
        user_service(store).update(ADMIN, ALICE.id, patch(email=email), Precondition(), CLIENT)

    former = store.user.former_emails
    assert [(it.email, it.version) for it in former] == [
        (f"ada.{number}@example.com", number + 3) for number in range(1, 11)
    ]


def passwords(current: str, new: str = "wrong donkey") -> PasswordChange:
    given = {"currentPassword": current, "newPassword": new}
    return PasswordChange.model_validate(given, strict=False)


def test_guesses_of_the_current_password_are_counted_before_the_comparison() -> None:
    store, counter = FakeUserStore(), FakeRateLimiter(most=2)
    service = user_service(store, counter)

    with pytest.raises(InvalidCredentials):
        service.change_password(ALICE, ALICE.id, passwords("wrong horse"), CLIENT)
    with pytest.raises(InvalidCredentials):
        body = patch(email="b@example.com", currentPassword="wrong horse")
        service.update(ALICE, ALICE.id, body, Precondition(), CLIENT)
    with pytest.raises(TooManyRequests):
        service.change_password(ALICE, ALICE.id, passwords("correct horse"), CLIENT)

    assert counter.counted == [login_attempt(USER.email, CLIENT.ip_address)] * 2
    assert counter.right == [False] * 2
    assert store.writes == 0


def test_retried_change_counts_one_guess() -> None:
    counter = FakeRateLimiter()

    user_service(FakeUserStore(overtaken=2), counter).change_password(
        ALICE, ALICE.id, passwords("correct horse"), CLIENT
    )

    assert (len(counter.counted), len(counter.limited), counter.right) == (1, 1, [True])


def test_password_changes_are_limited_before_hashing() -> None:
    store, counter = FakeUserStore(), FakeRateLimiter(most_limited=1)
    service = user_service(store, counter)
    service.change_password(ALICE, ALICE.id, passwords("correct horse"), CLIENT)

    with pytest.raises(TooManyRequests):
        service.change_password(ALICE, ALICE.id, passwords("wrong donkey"), CLIENT)

    expected = rate_limited_request(
        "password change", ALICE.id, CLIENT.ip_address, MAX_PASSWORD_CHANGES, 20
    )
    assert counter.limited == [expected]
    assert (store.writes, len(counter.counted)) == (1, 1)


def test_sign_ups_are_limited_before_hashing() -> None:
    payload = UserCreate.model_validate(
        {"email": "new@example.com", "name": "Ada", "password": "a walk by the river"}
    )
    counter = FakeRateLimiter(most_limited=0)

    with pytest.raises(TooManyRequests):
        user_service(FakeUserStore(), counter).sign_up(
            payload, CLIENT
        )  # `FakeUserStore.add` would raise another error


def test_change_without_a_guess_is_not_counted() -> None:
    store, counter = FakeUserStore(), FakeRateLimiter()
    service = user_service(store, counter)

    service.update(ALICE, ALICE.id, patch(name="B"), Precondition(), CLIENT)
    service.update(ADMIN, ALICE.id, patch(email="b@example.com"), Precondition(), CLIENT)
    with pytest.raises(InvalidCredentials):
        service.update(ALICE, ALICE.id, patch(email="c@example.com"), Precondition(), CLIENT)
    with pytest.raises(ValidationFailed):
        service.change_password(
            ALICE, ALICE.id, passwords("correct horse", "B@example.com"), CLIENT
        )

    assert counter.counted == []
    assert counter.limited == [PROFILE_CHANGE] * 2


def test_profile_change_is_counted_once_for_all_its_retries() -> None:
    counter = FakeRateLimiter()

    user_service(FakeUserStore(overtaken=3), counter).update(
        ALICE, ALICE.id, patch(name="B"), Precondition(), CLIENT
    )

    assert counter.limited == [PROFILE_CHANGE]


def test_profile_change_beyond_the_limit_writes_nothing_and_reads_no_password() -> None:
    store = FakeUserStore()
    body = patch(name="B", email="b@example.com", currentPassword="wrong horse")

    with pytest.raises(TooManyRequests):
        user_service(store, FakeRateLimiter(most_limited=0)).update(
            ALICE, ALICE.id, body, Precondition(), CLIENT
        )

    assert store.writes == 0


def test_profile_limit_does_not_apply_to_admins_and_unchanged_users() -> None:
    store = FakeUserStore()
    service = user_service(store, FakeRateLimiter(most_limited=0))

    service.update(ADMIN, ALICE.id, patch(name="B", status="inactive"), Precondition(), CLIENT)
    service.update(ALICE, ALICE.id, patch(name="B"), Precondition(), CLIENT)

    assert (store.user.name, store.writes) == ("B", 1)
