"""User changes: user, credential, account state and admin count change together, or not at all."""

from collections.abc import Iterator
from copy import replace
from itertools import pairwise

import pytest

import shop.clients
from shop.caller import Role
from shop.clock import now
from shop.errors import EmailInUse, Forbidden, LastAdmin, Unauthorized
from shop.identifiers import new_id
from shop.identity.accounts.models import AccountState, Credential, UserStatus
from shop.identity.login_attempts.models import RateLimitedRequest
from shop.identity.login_attempts.service import login_attempt
from shop.identity.sessions.models import IDLE_LIFETIME, MAX_SESSIONS, RefreshDigests, Session
from shop.identity.sessions.repository import SessionRepository
from shop.pagination import PageRequest
from shop.retries import StaleVersion
from shop.users.erasure import PersonalDataRepository
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import NOON

ACTIVE, INACTIVE = UserStatus.ACTIVE, UserStatus.INACTIVE


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


def user(role: Role = Role.CUSTOMER, status: UserStatus = ACTIVE) -> User:
    id_ = new_id()
    kept = User(id_, f"{id_}@example.com", "Ada", status, role, False, NOON, NOON, 1)
    UserRepository().add(kept, "hash")
    return kept


def session_of(user: User) -> Session:
    digests = RefreshDigests(b"family", b"current", b"salt")
    end = now() + IDLE_LIFETIME
    session = Session(user.id, new_id(), 1, digests, NOON, NOON, end, end, "b", "192.0.2.1")
    attempt = login_attempt(user.email, session.ip_address).opened(NOON)
    assert SessionRepository().begin(session, user.email, "hash", None, attempt)
    return session


def attempt(user: User) -> RateLimitedRequest:
    return login_attempt(user.email, "192.0.2.1").opened(NOON)


def account_state(user: User) -> AccountState | None:
    return SessionRepository().of_user(user.id)[1]


def everything() -> dict[str, list[str]]:
    client = shop.clients.dynamodb()
    return {
        table: sorted(
            str(sorted(item.items()))
            for page in client.get_paginator("scan").paginate(TableName=table)
            for item in page["Items"]
        )
        for table in client.list_tables()["TableNames"]
    }


def test_changed_email_moves_its_credential_and_releases_the_old_one() -> None:
    before = user()
    after = replace(before, email="new@example.com", version=2)

    UserRepository().save(before, after)

    assert UserRepository().get(before.id) == after
    assert UserRepository().credential(before.email) is None
    assert UserRepository().credential(after.email) == Credential(before.id, "hash")


def test_used_email_changes_nothing() -> None:
    before, other = user(), user()
    stored = everything()

    with pytest.raises(EmailInUse):
        UserRepository().save(before, replace(before, email=other.email, version=2))

    assert everything() == stored


def test_stale_user_change_changes_nothing() -> None:
    before = user()
    UserRepository().save(before, replace(before, name="Grace", version=2))
    stored = everything()

    with pytest.raises(StaleVersion):
        UserRepository().save(before, replace(before, email="new@example.com", version=2))

    assert everything() == stored


def test_deactivated_user_has_a_disabled_account_state_and_no_session() -> None:
    before = user()
    session = session_of(before)

    UserRepository().save(before, replace(before, status=INACTIVE, version=2))

    disabled = account_state(before)
    assert disabled == AccountState(before.id, 2, INACTIVE, Role.CUSTOMER)
    assert not session.is_live(disabled, now())


def test_changed_role_keeps_the_sessions() -> None:
    before = user()

    UserRepository().save(before, replace(before, role=Role.ADMIN, version=2))

    assert account_state(before) == AccountState(before.id, 1, ACTIVE, Role.ADMIN)


def test_last_active_admin_cannot_be_removed() -> None:
    user(Role.ADMIN, INACTIVE)
    last = user(Role.ADMIN)
    stored = everything()

    for changed in ({"role": Role.CUSTOMER}, {"status": INACTIVE}):
        with pytest.raises(LastAdmin):
            UserRepository().save(last, replace(last, **changed, version=2))
    with pytest.raises(LastAdmin):
        UserRepository().delete(last)

    assert everything() == stored


def test_one_of_two_admins_can_be_removed() -> None:
    first, last = user(Role.ADMIN), user(Role.ADMIN)

    UserRepository().delete(first)

    with pytest.raises(LastAdmin):
        UserRepository().delete(last)


@pytest.mark.parametrize(
    ("role", "status"), [(Role.CUSTOMER, ACTIVE), (Role.ADMIN, INACTIVE), (None, ACTIVE)]
)
def test_former_admin_changes_no_user(role: Role | None, status: UserStatus) -> None:
    user(Role.ADMIN)
    before = user()
    caller = new_id() if role is None else user(role, status).id
    stored = everything()

    for changed in ({"role": Role.ADMIN}, {"email": "new@example.com"}, {"name": "Eve"}):
        with pytest.raises(Forbidden):
            UserRepository().save(before, replace(before, **changed, version=2), by_admin=caller)
    with pytest.raises(Forbidden):
        UserRepository().delete(before, caller)

    assert everything() == stored


def test_active_admin_changes_other_users() -> None:
    caller, before, gone = user(Role.ADMIN), user(), user()

    UserRepository().save(before, replace(before, name="Eve", version=2), by_admin=caller.id)
    UserRepository().delete(gone, caller.id)

    found = UserRepository().get(before.id)
    assert found is not None and found.name == "Eve"
    assert UserRepository().get(gone.id) is None


def test_deleted_user_leaves_a_disabled_account_state_and_no_session() -> None:
    gone = user()
    for _ in range(MAX_SESSIONS):
        session_of(gone)

    UserRepository().delete(gone)

    assert UserRepository().get(gone.id) is None
    assert UserRepository().credential(gone.email) is None
    assert SessionRepository().of_user(gone.id) == (
        [],
        AccountState(gone.id, 2, INACTIVE, Role.CUSTOMER),
    )


def test_user_with_more_sessions_than_one_transaction_holds_is_deleted() -> None:
    gone = user()
    client = shop.clients.dynamodb()
    for _ in range(110):
        row = {"user_id": {"S": gone.id}, "id": {"S": new_id()}}
        client.put_item(TableName="sessions_table", Item=row)

    UserRepository().delete(gone)
    assert 0 < len(SessionRepository().ids(gone.id)) < 20
    PersonalDataRepository().erase(gone.id, is_gone=True)

    assert SessionRepository().ids(gone.id) == []


def test_new_password_ends_every_other_session() -> None:
    changed = user()
    other, own = session_of(changed), session_of(changed)

    UserRepository().change_password(changed, own.id, "hash", "new hash", attempt(changed))

    sessions, opened = SessionRepository().of_user(changed.id)
    assert [session.id for session in sessions if session.is_live(opened, now())] == [own.id]
    assert other.id in [session.id for session in sessions]
    assert UserRepository().credential(changed.email) == Credential(changed.id, "new hash")
    stored = UserRepository().get(changed.id)
    assert stored is not None and stored.version == 2


def test_stale_password_hash_changes_nothing() -> None:
    changed = user()
    own = session_of(changed)
    stored, guess = everything(), attempt(changed)

    with pytest.raises(StaleVersion):
        UserRepository().change_password(changed, own.id, "another hash", "new hash", guess)
    with pytest.raises(Unauthorized):
        UserRepository().change_password(changed, new_id(), "hash", "new hash", guess)

    assert everything() == stored


@pytest.mark.parametrize("descending", [False, True])
def test_users_are_listed_by_id_across_statuses_from_any_position(descending: bool) -> None:
    statuses = (ACTIVE, INACTIVE, ACTIVE, ACTIVE, INACTIVE)
    gone, *listed = [user(status=status) for status in statuses]
    listed.append(user(Role.ADMIN))  # and with it the admin count, which is no user
    UserRepository().delete(gone)
    listed.sort(key=lambda each: each.id, reverse=descending)
    everyone = list(UserStatus)

    def of(statuses: list[UserStatus], after: str | None, limit: int) -> list[User]:
        return list(
            UserRepository()
            .list(statuses, "createdAt", PageRequest(after, 0, limit), descending)
            .items
        )

    assert of(everyone, None, 10) == listed
    for each, following in pairwise(listed):
        assert of(everyone, each.id, 1) == [following]
    assert of([INACTIVE], None, 10) == [each for each in listed if each.status is INACTIVE]
