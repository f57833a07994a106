"""Recount: damage to projections is found and repaired, and concurrent changes are kept."""

from collections.abc import Callable, Iterator
from copy import replace
from datetime import timedelta
from typing import Any

import pytest

from shop.clients import dynamodb
from shop.clock import now
from shop.dynamo import tables, totals
from shop.dynamo.codec import Item, decode, encode
from shop.errors import ServiceUnavailable
from shop.identity.accounts.models import UserStatus
from shop.orders.models import Order, OrderStatus
from shop.orders.repository import OrderRepository
from shop.products.models import Product
from shop.projections.models import Entity, Kind, SearchWrite, State
from shop.projections.repository import ProjectionRepository, row_to_item, search_attributes
from shop.projections.service import ProjectionService
from shop.search import fold, grams_of, texts_of
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import NOON
from tests.support.stored_shop import keep, place, sign_up
from tools.recount import entities
from tools.recount.__main__ import recount
from tools.recount.scanner import Scanner
from tools.tables.rate import Rate

ID = "01900000-0000-7000-8000-00000000dead"  # of no entity


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


def project(*things: User | Product | Order) -> None:
    kinds: dict[type, Kind] = {User: Kind.USERS, Product: Kind.PRODUCTS, Order: Kind.ORDERS}
    entities = [
        Entity(kinds[type(it)], it.id, it.user_id if isinstance(it, Order) else None)
        for it in things
    ]
    assert ProjectionService(ProjectionRepository()).project(entities) == {}


@pytest.fixture
def user() -> User:
    return sign_up()


@pytest.fixture
def order(user: User) -> Order:
    """Return one user of a shop with correct projections."""
    other, product = sign_up(), keep()
    orders = [place(user, product), place(other, product)]
    project(user, other, product, *orders)
    assert recount_lines() == []
    return orders[0]


def recount_lines(repair: bool = False) -> list[str]:
    lines: list[str] = []
    scanner = Scanner(dynamodb(), Rate(1_000_000), 2)
    left = recount(dynamodb(), scanner, 0, repair, lines.append)
    assert left == bool(lines) if not repair else not left
    return lines


def put(table: str, item: Item) -> None:
    dynamodb().put_item(TableName=table, Item=encode({"schema_version": 1} | item))


def row(entity: str) -> Item:
    key = encode({"id": entity})
    return decode(dynamodb().get_item(TableName=tables.counters(), Key=key)["Item"])


def remove_rows(*ids: str) -> None:
    for id_ in ids:
        dynamodb().delete_item(TableName=tables.counters(), Key=encode({"id": id_}))


def search_row(user: User, **changes: Any) -> Item:
    texts = [fold(user.name), fold(user.email)]
    row = {"gram": "ada", "user_id": user.id, "texts": texts, "status": "active"}
    return row | changes


def remove_search_row(user: User) -> None:
    key = encode({"gram": "ada", "user_id": user.id})
    dynamodb().delete_item(TableName=tables.search(), Key=key)


def everything() -> tuple[list[str], dict[str, int]]:
    """Ignores the spread of totals over their rows, and tombstones."""
    searched = dynamodb().scan(TableName=tables.search())["Items"]
    rows = map(decode, dynamodb().scan(TableName=tables.counters())["Items"])
    lasting = [row for row in rows if ":" in row["id"] and "deleted" not in row]
    counted = {
        f"{kind} {status}": totals.read(kind, [status])
        for kind in Kind
        for status in ("active", "inactive", "pending", "processing", "completed", "cancelled")
    }
    return sorted(map(str, map(decode, searched))) + sorted(map(str, lasting)), counted


def test_recount_of_correct_projections_finds_and_writes_nothing(order: Order) -> None:
    before = dynamodb().scan(TableName=tables.counters())["Items"]

    assert recount_lines(repair=True) == []

    assert dynamodb().scan(TableName=tables.counters())["Items"] == before


type Damage = Callable[[User, Order], object]

DAMAGE: dict[str, tuple[Damage, str]] = {
    "user row missing": (lambda user, _: remove_rows(f"users:{user.id}"), "no row"),
    "order row missing": (lambda _, order: remove_rows(f"orders:{order.id}"), "no row"),
    "row with another status": (
        lambda user, _: put(tables.counters(), row(f"users:{user.id}") | {"status": "inactive"}),
        "row differs",
    ),
    "row with other texts": (
        lambda user, _: put(tables.counters(), row(f"users:{user.id}") | {"texts": ["x", "y"]}),
        "row differs",
    ),
    "row with a later version": (
        lambda user, _: put(tables.counters(), row(f"users:{user.id}") | {"version": 99}),
        "row is at version 99 of 1",
    ),
    "row marked as deleted": (
        lambda user, _: put(tables.counters(), {"id": f"users:{user.id}", "deleted": True}),
        "a row marked as deleted",
    ),
    "row without a user": (
        lambda user, _: put(tables.counters(), row(f"users:{user.id}") | {"id": f"users:{ID}"}),
        "a row without an entity",
    ),
    "row without an order": (
        lambda _, order: put(tables.counters(), row(f"orders:{order.id}") | {"id": f"orders:{ID}"}),
        "a row without an entity",
    ),
    "search row missing": (lambda user, _: remove_search_row(user), "1 search rows missing"),
    "search row of another trigram": (
        lambda user, _: put(tables.search(), search_row(user, gram="xyz")),
        "1 search rows surplus",
    ),
    "search row of a trigram that is no longer indexed": (
        lambda user, _: put(tables.search(), search_row(user, gram="gma")),
        "1 search rows surplus",
    ),
    "search row with a former status": (
        lambda user, _: put(tables.search(), search_row(user, status="inactive")),
        "1 search rows stale",
    ),
    "search row without a user": (
        lambda user, _: put(tables.search(), search_row(user, user_id=ID)),
        "1 search rows surplus",
    ),
    "search row from before Unicode domains": (
        lambda user, _: put(tables.search(), search_row(user, texts=[fold(user.name)])),
        "1 search rows stale",
    ),
    "tombstone with unfinished search writes": (
        lambda *_: put(tables.counters(), tombstone(ID, SearchWrite("x", NOON, ["lord byron"]))),
        "deleted, with unfinished search writes",
    ),
    "total too high": (
        lambda *_: put(tables.counters(), row_of_totals("users", 5)),
        "totals of users: +",
    ),
    "total missing": (
        lambda *_: remove_rows("orders#0", "orders#1", "orders#2", "orders#3"),
        "totals of orders: -2 pending",
    ),
}


def tombstone(user_id: str, *writes: SearchWrite) -> Item:
    return row_to_item(Entity(Kind.USERS, user_id), None, writes)


def row_of_totals(kind: str, active: int) -> Item:
    return {"id": f"{kind}#0", "active": active, "changes": 1}


@pytest.mark.dynamodb_local  # moto takes half a minute
@pytest.mark.parametrize("name", DAMAGE)
def test_recount_finds_and_repairs_damage(user: User, order: Order, name: str) -> None:
    damage, problem = DAMAGE[name]
    correct = everything()
    damage(user, order)
    as_damaged = dynamodb().scan(TableName=tables.counters())["Items"]

    found = recount_lines()
    assert any(problem in line for line in found), found
    assert not any(user.name in line or user.email in line for line in found)
    assert dynamodb().scan(TableName=tables.counters())["Items"] == as_damaged

    recount_lines(repair=True)

    assert everything() == correct
    assert recount_lines() == []


def test_recount_projects_entities_that_the_projector_missed(user: User, order: Order) -> None:
    late = sign_up()
    renamed = replace(user, name="Grace Hopper", status=UserStatus.INACTIVE, version=2)
    UserRepository().save(user, renamed)
    assert len(recount_lines()) == 2

    recount_lines(repair=True)

    assert UserRepository().count([UserStatus.ACTIVE]) == 2
    assert UserRepository().count([UserStatus.INACTIVE]) == 1
    project(late, user)
    assert recount_lines() == []


def test_recount_fills_lost_tables(user: User, order: Order) -> None:
    correct = everything()
    for table, keys in ((tables.counters(), ("id",)), (tables.search(), ("gram", "user_id"))):
        for item in dynamodb().scan(TableName=table)["Items"]:
            dynamodb().delete_item(TableName=table, Key={key: item[key] for key in keys})

    recount_lines(repair=True)

    assert everything() == correct


def test_recount_reports_a_failed_entity_and_repairs_the_others(
    user: User, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove_rows(f"users:{user.id}", f"orders:{order.id}")
    advance = ProjectionRepository.advance

    def reject(store: ProjectionRepository, steps: Any) -> None:
        if any(step.reading.entity.id == user.id for step in steps):
            raise ServiceUnavailable(retry_after=1)
        advance(store, steps)

    monkeypatch.setattr(ProjectionRepository, "advance", reject)
    lines: list[str] = []
    scanner = Scanner(dynamodb(), Rate(1_000_000), 1)
    assert recount(dynamodb(), scanner, 0, True, lines.append)

    assert any(line.startswith(f"users:{user.id}: not repaired: ") for line in lines)
    assert row(f"orders:{order.id}")["status"] == "pending"


@pytest.mark.dynamodb_local  # moto takes half a minute
@pytest.mark.parametrize("is_gone", [False, True])
def test_recount_deletes_search_rows_of_former_names(
    user: User, order: Order, is_gone: bool
) -> None:
    """A name from before the length limit, and a projector that recorded no search writes."""
    other = sign_up()
    project(other)
    former = "".join(map(chr, range(0x4E00, 0x4E00 + 700)))
    rows = search_attributes(other.id, State(1, "active", [former]), grams_of([former]))
    for item in rows:
        dynamodb().put_item(TableName=tables.search(), Item=item)
    if is_gone:
        UserRepository().delete(other)
        project(other)
    assert recount_lines() == [f"users:{other.id}: 698 search rows surplus"]

    recount_lines(repair=True)

    assert recount_lines() == []
    found = dynamodb().scan(TableName=tables.search())["Items"]
    grams = {it["gram"]["S"] for it in found if it["user_id"]["S"] == other.id}
    assert grams == (set() if is_gone else grams_of(texts_of(other.name, other.email)))


def test_unsettled_search_writes_of_a_user_are_no_fault_and_survive_a_repair(
    user: User, order: Order
) -> None:
    others = SearchWrite("x", now() + timedelta(hours=1), ["ada"])
    state = State(1, "active", texts_of(user.name, user.email))
    put(tables.counters(), row_to_item(Entity(Kind.USERS, user.id), state, [others]))
    assert recount_lines() == []
    put(tables.search(), search_row(user, gram="xyz"))

    recount_lines(repair=True)

    assert recount_lines() == []
    (write,) = row(f"users:{user.id}")["search_writes"]
    assert write["writer"] == "x"


def test_sale_is_no_difference_in_a_recount(user: User, order: Order) -> None:
    place(user, product := keep())
    project(product)

    assert not any("products" in line for line in recount_lines())


def test_concurrent_change_wins_over_a_repair(
    user: User, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the worst moment: between the read and the write of the tool."""
    put(tables.search(), search_row(user, gram="xyz"))
    remove_search_row(user)
    repair = entities.repair
    changed: list[User] = []

    def after_a_change(client: Any, found: Any) -> Any:
        if not changed:
            changed.append(replace(user, name="Grace Hopper", version=2))
            UserRepository().save(user, changed[0])
            project(user)
        return repair(client, found)

    monkeypatch.setattr(entities, "repair", after_a_change)
    recount_lines(repair=True)

    assert recount_lines() == []
    found = dynamodb().scan(TableName=tables.search())["Items"]
    grams = {it["gram"]["S"] for it in found if it["user_id"]["S"] == user.id}
    assert grams == grams_of(["grace hopper", fold(user.email)])


def test_totals_that_change_during_a_recount_are_not_repaired(
    user: User, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tables.counters(), row_of_totals("users", 50))
    for_each_page = Scanner.for_each_page
    versions = iter(range(1, 100))

    def beside_changes(scanner: Scanner, table: str, add: Any) -> None:
        for_each_page(scanner, table, add)
        version = next(versions)
        status = [*UserStatus][version % 2]
        before = replace(user, version=version)
        UserRepository().save(before, replace(user, status=status, version=version + 1))
        project(user)

    monkeypatch.setattr(Scanner, "for_each_page", beside_changes)
    lines: list[str] = []
    scanner = Scanner(dynamodb(), Rate(1_000_000), 1)
    assert recount(dynamodb(), scanner, 0, True, lines.append)
    assert "totals of users: not compared, since they changed during the scan" in lines
    assert row("users#0")["active"] > 40

    monkeypatch.undo()
    recount_lines(repair=True)
    assert UserRepository().count([*UserStatus]) == 2
    assert OrderRepository().count_all([*OrderStatus]) == 2


def test_concurrent_recounts_repair_totals_once(order: Order) -> None:
    from tools.recount import totals as recounted_totals

    put(tables.counters(), row_of_totals("users", 50))
    found = recounted_totals.find_differences(Scanner(dynamodb(), Rate(1_000_000), 1))

    for difference in [*found, *found]:
        recounted_totals.repair(dynamodb(), difference)

    assert recount_lines() == []
