"""Crowded searches while users change and are deleted."""

from collections.abc import Iterator
from copy import replace

import pytest

from shop.pagination import PageRequest
from shop.projections.dependencies import projections
from shop.projections.models import Entity, Kind
from shop.users import search
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.aws_mock import fresh_aws
from tests.support.many_users import BOTH, MAX_ROWS, sign_up_many, walked


@pytest.fixture
def users(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[User]]:
    monkeypatch.setattr(search, "MAX_ROWS", MAX_ROWS)
    with fresh_aws():
        yield sign_up_many()


def test_user_with_outdated_rows_is_not_found(users: list[User]) -> None:
    UserRepository().save(users[0], replace(users[0], name="Few", version=2))
    UserRepository().delete(users[3])

    found, _ = walked("many", BOTH, 7, False)

    assert found == [*users[1:3], *users[4:]]


def test_total_is_exact_again_after_a_trigram_shrinks(users: list[User]) -> None:
    first, _ = UserRepository().search("many", BOTH, PageRequest(None, 0, 7), False)
    for user in users[20:]:
        UserRepository().delete(user)
    assert projections().project([Entity(Kind.USERS, user.id) for user in users[20:]]) == {}

    rest, total = UserRepository().search(
        "many", BOTH, PageRequest(first.next_position, 0, 100), False
    )
    again, exact = UserRepository().search("many", BOTH, PageRequest(None, 0, 100), False)

    assert (rest.items, rest.next_position, total) == (users[7:20], None, None)
    assert (again.items, exact) == (users[:20], 20)
