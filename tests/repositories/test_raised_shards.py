"""Raising the number of shards in two deployments hides no item and repeats none."""

from collections.abc import Callable, Iterator
from copy import replace

import pytest

from shop.clients import dynamodb
from shop.config import setting
from shop.dynamo.sort_keys import shard_key, shard_keys, shard_keys_to_write
from shop.identity.accounts.models import UserStatus
from shop.orders.models import OrderStatus
from shop.orders.repository import OrderRepository
from shop.pagination import PageRequest
from shop.projections.models import Entity, Kind
from shop.projections.repository import ProjectionRepository
from shop.projections.service import ProjectionService
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.aws_mock import fresh_aws
from tests.support.stored_shop import keep, place, sign_up, stored
from tools.migrate.engine import Engine
from tools.migrate.migrations.m0001_list_keys import MIGRATION
from tools.recount.__main__ import recount
from tools.recount.scanner import Scanner
from tools.tables.rate import Rate

type Deploy = Callable[[str], None]

FAST = Rate(1_000_000)


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


@pytest.fixture
def deploy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deploy]:
    """Set the number of shards, as a deployment does."""

    def change(shards: str) -> None:
        monkeypatch.setenv("LIST_SHARDS", shards)
        setting.cache_clear()

    yield change
    monkeypatch.undo()
    setting.cache_clear()


def sign_up_and_count(number: int) -> list[User]:
    """Sign up so many users, and more until each shard that is written to has one."""
    users = [sign_up() for _ in range(number)]
    while shards_of(users) != {*shard_keys_to_write("active")}:
        users.append(sign_up())
    entities = [Entity(Kind.USERS, user.id) for user in users]
    assert ProjectionService(ProjectionRepository()).project(entities) == {}
    return users


def listed(sort: str = "createdAt") -> list[User]:
    """Return all items, in pages of 7."""
    found: list[User] = []
    after: str | None = None
    while True:
        page_request = PageRequest(after, 0, 7)
        page = UserRepository().list([*UserStatus], sort, page_request, False)
        found += page.items
        after = page.next_position
        if after is None:
            return found


def shards_of(users: list[User]) -> set[str]:
    return {stored("users", {"id": user.id})["status_shard"] for user in users}


def test_items_of_fewer_shards_are_listed_beside_those_of_more(deploy: Deploy) -> None:
    deploy("2")
    old = sign_up_and_count(30)
    assert shards_of(old) == {*shard_keys("active")} == {"active#0", "active#1"}
    deploy("4")
    new = sign_up_and_count(30)

    assert shards_of(new) == {*shard_keys("active")}
    assert listed() == old + new
    assert {*(user.id for user in listed("email"))} == {user.id for user in old + new}
    assert len(listed("name")) == UserRepository().count([*UserStatus]) == len(old + new)


def test_old_and_new_functions_list_each_others_items_during_a_deployment(
    deploy: Deploy,
) -> None:
    written: list[User] = []
    for before, after in (("2", "2,4"), ("2,4", "4")):
        for shards in (before, after):
            deploy(shards)
            written += sign_up_and_count(20)
        for shards in (before, after):
            deploy(shards)
            assert listed() == written
            assert UserRepository().count([*UserStatus]) == len(written)
    assert len(shards_of(written)) == 4


def test_raising_shards_in_one_step_hides_new_items_from_old_functions(
    deploy: Deploy,
) -> None:
    """The reason for two steps."""
    deploy("4")
    written = sign_up_and_count(30)
    deploy("2")

    assert len(listed()) < len(written)


def test_item_moves_to_its_new_shard_at_its_next_write(deploy: Deploy) -> None:
    deploy("2")
    users = sign_up_and_count(30)
    order = place(users[0], keep())
    deploy("4")

    renamed = [replace(user, name="Grace", version=2) for user in users[:15]]
    for before, after in zip(users, renamed, strict=False):
        UserRepository().save(before, after)
    OrderRepository().save(order, replace(order, status=OrderStatus.COMPLETED, version=2), [])

    assert listed() == renamed + users[15:]
    assert all(shards_of([user]) == {shard_key("active", user.id)} for user in renamed)
    assert shards_of(users[15:]) <= {"active#0", "active#1"}
    everyone = OrderRepository().list_all([*OrderStatus], PageRequest(None, 0, 10), True)
    assert [found.id for found in everyone.items] == [order.id]


def test_migration_and_recount_accept_items_in_old_shards(deploy: Deploy) -> None:
    deploy("2")
    sign_up_and_count(10)
    deploy("2,4")

    assert [found.pending for found in Engine(dynamodb(), FAST, 1).preview(MIGRATION)] == [0, 0, 0]
    assert not recount(dynamodb(), Scanner(dynamodb(), FAST, 1), 0, False)
