"""Former emails of a user, with the versions that replaced them."""

from collections.abc import Iterator
from copy import replace

import pytest

from shop.caller import Role
from shop.identity.accounts.models import UserStatus
from shop.users.models import FormerEmail, User
from shop.users.repository import UserRepository
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import ALICE, NOON

USER = User(
    ALICE.id, "ada@example.com", "Ada", UserStatus.ACTIVE, Role.CUSTOMER, False, NOON, NOON, 1
)


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


def test_former_emails_are_stored_with_their_versions() -> None:
    users = UserRepository()
    users.add(USER, "hash")
    former = (FormerEmail(USER.email, 2),)
    changed = replace(USER, email="king@example.com", former_emails=former, version=2)

    users.save(USER, changed)

    assert users.get(USER.id) == changed
