"""Crowded searches while users change and are deleted."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from shop.pagination import PageRequest
from shop.projections.dependencies import projections
from shop.projections.models import Entity, Kind
from shop.users import search
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.repositories.crowd import BOTH, MAX_ROWS, sign_up_crowd, walked
from tests.support.aws_mock import fresh_aws


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[User]]:
    monkeypatch.setattr(search, "MAX_ROWS", MAX_ROWS)
    with fresh_aws():
        yield sign_up_crowd()


def test_user_with_outdated_rows_is_not_found(crowd: list[User]) -> None:
    UserRepository().save(crowd[0], replace(crowd[0], name="Few", version=2))
    UserRepository().delete(crowd[3])

    found, _ = walked("many", BOTH, 7, False)

    assert found == [*crowd[1:3], *crowd[4:]]


def test_total_is_exact_again_after_a_trigram_shrinks(crowd: list[User]) -> None:
    first, _ = UserRepository().search("many", BOTH, PageRequest(None, 0, 7), False)
    for user in crowd[20:]:
        UserRepository().delete(user)
    assert projections().project([Entity(Kind.USERS, user.id) for user in crowd[20:]]) == {}

    rest, total = UserRepository().search(
        "many", BOTH, PageRequest(first.next_position, 0, 100), False
    )
    again, exact = UserRepository().search("many", BOTH, PageRequest(None, 0, 100), False)

    assert (rest.items, rest.next_position, total) == (crowd[7:20], None, None)
    assert (again.items, exact) == (crowd[:20], 20)
