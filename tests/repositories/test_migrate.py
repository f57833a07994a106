"""Migrations during live traffic lose no concurrent change."""

from collections.abc import Callable, Iterator
from copy import replace
from typing import Any

import boto3
import pytest

import tools.migrate.__main__ as command
from shop.clients import dynamodb
from shop.dynamo import tables
from shop.dynamo.codec import Item, decode, encode
from shop.dynamo.sort_keys import shard_keys, text_key
from shop.identity.accounts.models import UserStatus
from shop.orders.models import OrderStatus
from shop.orders.repository import OrderRepository
from shop.pagination import PageRequest
from shop.products.models import ProductStatus
from shop.products.repository import ProductRepository
from shop.projections.records import changed_entity
from shop.stream_records import StreamRecord
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.aws_mock import fresh_aws
from tests.support.stored_shop import keep, place, sign_up, stored, unlist
from tools.migrate.engine import Contended, Engine
from tools.migrate.migration import all_migrations
from tools.migrate.migrations import m0002_notes_of_erased_users as notes
from tools.migrate.migrations.m0001_list_keys import MIGRATION, of_user
from tools.tables.rate import Rate

TABLES = ("users", "products", "orders")
ALL = PageRequest(None, 0, 100)


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


class Client:
    """A DynamoDB client that runs an action before some of its calls.

    `Any`: a client has calls of every shape.
    """

    def __init__(self, before: Callable[[str, int], None]) -> None:
        self._before = before
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        wrapped = getattr(dynamodb(), name)
        if not callable(wrapped):
            return wrapped

        def call(**arguments: Any) -> Any:
            self.calls.append(name)
            self._before(name, self.calls.count(name))
            return wrapped(**arguments)

        return call


def engine(client: Any = None, segments: int = 2) -> Engine:
    return Engine(client or dynamodb(), Rate(1_000_000), segments)


def pending() -> list[int]:
    return [found.pending for found in engine().preview(MIGRATION)]


def rows() -> dict[str, list[Item]]:
    return {
        table: sorted(
            map(decode, dynamodb().scan(TableName=f"{table}_table")["Items"]),
            key=lambda item: str(item["id"]),
        )
        for table in (*TABLES, "counters")
    }


def old_users(number: int) -> list[User]:
    users = [sign_up() for _ in range(number)]
    for user in users:
        unlist("users", {"id": user.id})
    return users


def test_repository_items_need_no_migration() -> None:
    user, product = sign_up(), keep()
    place(user, product)

    assert pending() == [0, 0, 0]


def test_old_items_are_migrated_to_the_current_shape_and_listed() -> None:
    users = [sign_up() for _ in range(3)]
    products = [keep() for _ in range(3)]
    orders = [place(users[0], product) for product in products]
    as_new = rows()
    for user in users:
        unlist("users", {"id": user.id})
    for product in products:
        unlist("products", {"id": product.id})
    for order in orders[:2]:
        unlist("orders", {"user_id": order.user_id, "id": order.id})
    assert pending() == [3, 3, 2]

    engine().run(MIGRATION)

    assert pending() == [0, 0, 0]
    assert rows() == as_new
    listed = UserRepository().list([UserStatus.ACTIVE], "name", ALL, False).items
    assert {it.id for it in listed} == {it.id for it in users}
    assert len(ProductRepository().list(ProductStatus.ACTIVE, "price", ALL, False).items) == 3
    assert len(OrderRepository().list_all([OrderStatus.PENDING], ALL, False).items) == 3


def test_items_written_by_old_code_after_a_run_are_migrated_by_the_next() -> None:
    user = sign_up()
    engine().run(MIGRATION)
    # Old code does not write the key, and writes its own schema version.
    dynamodb().update_item(
        TableName=tables.users(),
        Key=encode({"id": user.id}),
        UpdateExpression="SET #name = :name, version = :two, schema_version = :one",
        ExpressionAttributeNames={"#name": "name"},
        ExpressionAttributeValues=encode({":name": "Grace", ":two": 2, ":one": 1}),
    )
    assert pending() == [1, 0, 0]

    engine().run(MIGRATION)

    assert pending() == [0, 0, 0]
    found = stored("users", {"id": user.id})
    assert (found["name"], found["name_key"]) == ("Grace", text_key("Grace", user.id))


def test_stopped_run_resumes_at_its_position() -> None:
    old_users(250)  # more than two pages of a segment

    def crash(call: str, times: int) -> None:
        if call == "update_item" and times == 120:
            raise KeyboardInterrupt

    first = Client(crash)
    with pytest.raises(KeyboardInterrupt):
        engine(first, segments=1).run(MIGRATION)
    left = pending()[0]
    assert 0 < left < 250

    second = Client(lambda *_: None)
    engine(second, segments=1).run(MIGRATION)

    assert pending() == [0, 0, 0]
    assert second.calls.count("update_item") == left
    # The first page is not read again: two pages of users, one of each other table.
    assert second.calls.count("scan") == 4
    assert rows()["counters"] == []


def test_concurrent_change_is_neither_lost_nor_overwritten() -> None:
    renamed, deleted, *_ = users = old_users(4)

    def meanwhile(call: str, times: int) -> None:
        if (call, times) == ("update_item", 1):
            new = replace(renamed, name="Grace Hopper", status=UserStatus.INACTIVE, version=2)
            UserRepository().save(renamed, new)
            UserRepository().delete(deleted)
            for user in users[2:]:  # by old code, between the read and the write
                dynamodb().update_item(
                    TableName=tables.users(),
                    Key=encode({"id": user.id}),
                    UpdateExpression="SET #name = :name ADD version :one",
                    ExpressionAttributeNames={"#name": "name"},
                    ExpressionAttributeValues=encode({":name": "Katherine", ":one": 1}),
                )

    engine(Client(meanwhile), segments=1).run(MIGRATION)

    assert pending() == [0, 0, 0]
    assert UserRepository().get(deleted.id) is None
    repository = UserRepository()
    found = repository.list([*UserStatus], "name", ALL, False).items
    assert [(user.name, user.version) for user in found] == [
        ("Grace Hopper", 2),
        ("Katherine", 2),
        ("Katherine", 2),
    ]


def test_item_that_always_changes_stops_the_run_by_name() -> None:
    (user,) = old_users(1)

    def meanwhile(call: str, times: int) -> None:
        if call == "update_item":
            dynamodb().update_item(
                TableName=tables.users(),
                Key=encode({"id": user.id}),
                UpdateExpression="ADD version :one",
                ExpressionAttributeValues=encode({":one": 1}),
            )

    with pytest.raises(Contended, match=user.id):
        engine(Client(meanwhile)).run(MIGRATION)


def test_migrated_item_keeps_its_version() -> None:
    (user,) = old_users(1)
    key = {"id": user.id}
    before = stored("users", key)

    engine().run(MIGRATION)

    after = stored("users", key)
    assert before["version"] == after["version"] and before["updated_at"] == after["updated_at"]
    change = {
        "SequenceNumber": "1",
        "ApproximateCreationDateTime": 1795348800,
        "Keys": encode(key),
        "OldImage": encode(before),
        "NewImage": encode(after),
    }
    arn = f"arn:aws:dynamodb:us-east-1:123456789012:table/{tables.users()}/stream/1"
    assert changed_entity(StreamRecord({"eventSourceARN": arn, "dynamodb": change})) is None


def test_items_of_newer_shapes_and_in_read_shards_are_not_migrated() -> None:
    item = stored("users", {"id": sign_up().id})

    assert of_user(item | {"schema_version": 3, "name_key": "of another kind"}) is None
    for shard in shard_keys("active"):
        assert of_user(item | {"status_shard": shard}) is None
    expected = {"status_shard": item["status_shard"]}
    assert of_user(item | {"status_shard": "active#4"}) == expected
    assert of_user(item | {"status_shard": "inactive#0"}) == expected


def test_run_stays_within_its_units_per_second() -> None:
    old_users(60)
    waited: list[float] = []
    client: Any = Client(lambda *_: None)

    Engine(client, Rate(100, lambda: sum(waited), waited.append), 1).run(MIGRATION)

    assert client.calls.count("update_item") == 60
    assert sum(waited) > 0.6 * 0.4  # moto counts half a unit for every request


def command_line(monkeypatch: pytest.MonkeyPatch, action: str) -> int:
    monkeypatch.setattr(command, "attach", lambda *_: "shop")
    monkeypatch.setattr(command, "retrying_client", dynamodb)
    return command.main([action, "--migration", "1", "--rate", "100000"])


def test_migrate_command_plans_tries_runs_and_verifies(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    users = old_users(5)
    as_old = rows()
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName="/shop/ops")

    assert command_line(monkeypatch, "plan") == 0
    assert f"{tables.users()}: 5 items" in capsys.readouterr().out
    assert command_line(monkeypatch, "dry-run") == 0
    said = capsys.readouterr().out
    assert f"{tables.users()}: 5 of 5 items would change" in said
    assert said.count(": email_key, name_key, schema_version, status_shard") == 3
    assert not any(text in said for user in users for text in (user.email, user.name))
    assert command_line(monkeypatch, "verify") == 1
    assert rows() == as_old
    assert logs.filter_log_events(logGroupName="/shop/ops")["events"] == []

    assert command_line(monkeypatch, "run") == 0
    lines = [*logs.filter_log_events(logGroupName="/shop/ops")["events"]]
    assert all('"action": "migrate"' in line["message"] for line in lines)
    assert ['"begun"' in lines[0]["message"], '"done"' in lines[1]["message"]] == [True, True]
    assert command_line(monkeypatch, "verify") == 0


def test_migrations_are_numbered_like_their_modules() -> None:
    found = all_migrations()

    assert list(found) == list(range(1, len(found) + 1))
    assert found[1] is MIGRATION


def noted(user: User) -> Item:
    order = place(user, keep())
    OrderRepository().save(order, replace(order, note="Ring twice.", version=2), [])
    return {"user_id": user.id, "id": order.id}


def erased_by_older_code(*users: User) -> None:
    for user in users:
        UserRepository().delete(user)
    notes._exists.cache_clear()


def needing_notes() -> list[int]:
    return [found.pending for found in engine().preview(notes.MIGRATION)]


def test_migration_clears_only_notes_of_deleted_users_in_a_new_version() -> None:
    gone, alive = sign_up(), sign_up()
    cleared, kept, bare = noted(gone), noted(alive), place(gone, keep())
    erased_by_older_code(gone)
    before = {name: stored("orders", key) for name, key in (("cleared", cleared), ("kept", kept))}
    assert needing_notes() == [1]

    engine().run(notes.MIGRATION)

    after = stored("orders", cleared)
    changed = {"note": None, "version": 3, "updated_at": after["updated_at"]}
    assert after == before["cleared"] | changed
    assert after["updated_at"] > before["cleared"]["updated_at"]
    assert stored("orders", kept) == before["kept"]
    assert OrderRepository().get(gone.id, bare.id) == bare
    assert needing_notes() == [0]


def test_migration_clears_the_note_of_a_concurrently_changed_order() -> None:
    gone = sign_up()
    key = noted(gone)
    erased_by_older_code(gone)
    order = OrderRepository().get(gone.id, key["id"])
    assert order is not None

    def advance(call: str, times: int) -> None:
        if (call, times) == ("update_item", 1):
            processing = replace(order, status=OrderStatus.PROCESSING, version=3)
            OrderRepository().save(order, processing, [])

    engine(Client(advance)).run(notes.MIGRATION)

    after = OrderRepository().get(gone.id, key["id"])
    assert after is not None
    assert (after.status, after.note, after.version) == (OrderStatus.PROCESSING, None, 4)
