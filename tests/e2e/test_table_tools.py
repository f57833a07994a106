"""Tools that scan whole tables while the deployed stack serves requests."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from shop.config import setting
from shop.dynamo.codec import encode
from shop.dynamo.sort_keys import shard_keys
from tests.repositories.test_filled_table import OLD, new_indexes, update
from tests.support.deployed_shop import Person, Shop
from tests.support.stored_shop import LISTED
from tests.support.table_tools import listed, run
from tools.local_cloud.seed import CUSTOMER_PASSWORD
from tools.migrate.engine import Engine
from tools.migrate.migration import Migration, Part
from tools.migrate.migrations.m0001_list_keys import of_user
from tools.seed import items
from tools.tables.rate import Rate


def unlist(shop: Shop, table: str, **key: str) -> None:
    """Rewrite an item in the format of schema version 1."""
    shop.stack.client("dynamodb").update_item(
        TableName=shop.resources[f"{table.title()}Table"],
        Key={name: {"S": value} for name, value in key.items()},
        UpdateExpression=f"REMOVE {', '.join(LISTED[table])} SET schema_version = :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )


def migrate(shop: Shop, action: str) -> "subprocess.CompletedProcess[str]":
    return run(shop, "tools.migrate", action, "--migration", "1", "--rate", "10000")


@pytest.fixture
def old(shop: Shop) -> tuple[list[Person], list[dict[str, Any]], list[dict[str, Any]]]:
    people = [shop.sign_up() for _ in range(6)]
    products = [shop.product(name=f"Pear {number}") for number in range(4)]
    orders = [people[0].order((product["id"], 1)).json() for product in products]
    for person in people:
        unlist(shop, "users", id=person.id)
    for product in products:
        unlist(shop, "products", id=product["id"])
    for order in orders:
        unlist(shop, "orders", user_id=people[0].id, id=order["id"])
    return people, products, orders


def test_old_items_are_served_migrated_under_traffic_and_listed(
    shop: Shop, old: tuple[list[Person], list[dict[str, Any]], list[dict[str, Any]]]
) -> None:
    people, products, orders = old
    users = {person.id for person in people}
    by_name = "/api/users?sort=name&limit=100"
    assert listed(shop, by_name, users) == {}
    assert migrate(shop, "verify").returncode == 1

    # Both formats are served: reads keep the old one, and changes by users upgrade it.
    assert {person.http.get("/api/users/me").status_code for person in people} == {200}
    assert people[0].order((products[0]["id"], 2)).status_code == 201
    order_path = f"/api/users/{people[0].id}/orders/{orders[0]['id']}"
    assert shop.admin.http.patch(order_path, json={"status": "processing"}).status_code == 200
    assert people[0].http.patch("/api/users/me", json={"name": "Aaron"}).status_code == 200
    assert listed(shop, by_name, users).keys() == {people[0].id}

    def rename(person: Person) -> list[int]:
        names = [f"Ada {number}" for number in range(10)]
        renamed = [person.http.patch("/api/users/me", json={"name": name}) for name in names]
        return [response.status_code for response in renamed]

    with ThreadPoolExecutor(3) as pool:
        renaming = [pool.submit(rename, person) for person in people[1:3]]
        ran = migrate(shop, "run")
        assert all(status == 200 for done in renaming for status in done.result())
    assert ran.returncode == 0, ran.stderr

    verified = migrate(shop, "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    names = {id_: user["name"] for id_, user in listed(shop, by_name, users).items()}
    assert names.keys() == users
    assert [names[person.id] for person in people[:3]] == ["Aaron", "Ada 9", "Ada 9"]
    expected_ids = {product["id"] for product in products}
    assert listed(shop, "/api/products?sort=price&limit=100", expected_ids).keys() == expected_ids
    expected_ids = {order["id"] for order in orders}
    assert listed(shop, "/api/orders?limit=100", expected_ids).keys() == expected_ids
    mine = people[0].http.get("/api/users/me/orders?sort=total&status=pending").json()
    assert len(mine["data"]) == mine["meta"]["total"] == 4


def test_filled_emulator_table_gets_its_indexes_one_by_one(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    dynamodb, table = shop.stack.client("dynamodb"), f"users-{uuid4().hex}"
    monkeypatch.setenv("COUNTERS_TABLE", shop.resources["CountersTable"])
    setting.cache_clear()
    dynamodb.create_table(TableName=table, **OLD)
    for number in range(20):
        item = {
            "id": f"{number}",
            "status": "active",
            "name": "Ada",
            "email": f"{number}@x.example",
        }
        old = item | {"version": 1, "schema_version": 1}
        dynamodb.put_item(TableName=table, Item=encode(old))

    for index in new_indexes():
        update(dynamodb, table, {"Create": index})
    Engine(dynamodb, Rate(1_000_000), 2).run(Migration(1, "", [Part(lambda: table, of_user)]))
    update(dynamodb, table, {"Delete": {"IndexName": "by_status"}})

    for name in ("by_id", "by_name", "by_email"):
        query = {"TableName": table, "IndexName": name, "Select": "COUNT"}
        query["KeyConditionExpression"] = "status_shard = :shard"
        counts = [
            dynamodb.query(**query, ExpressionAttributeValues=encode({":shard": shard}))["Count"]
            for shard in shard_keys("active")
        ]
        assert sum(counts) == 20
    dynamodb.delete_table(TableName=table)
    setting.cache_clear()


def test_seeded_items_are_served_counted_and_found_and_pass_recount(shop: Shop) -> None:
    before = shop.admin.http.get("/api/users").json()["meta"]["total"]

    seeded = run(shop, "tools.seed", "--users", "50", "--products", "5", "--orders", "20")
    assert seeded.returncode == 0, seeded.stderr

    users = [items.user(number) for number in range(50)]
    assert shop.admin.http.get("/api/users").json()["meta"]["total"] == before + 50
    expected_ids = {user.id for user in users}
    assert listed(shop, "/api/users?sort=email&limit=100", expected_ids).keys() == expected_ids
    found = shop.admin.http.get("/api/users", params={"search": users[7].email}).json()
    assert [user["id"] for user in found["data"]] == [users[7].id]
    active = next(user for user in users if user.status == "active")
    assert shop.log_in(active.email, CUSTOMER_PASSWORD).id == active.id

    recounted = run(shop, "tools.recount", "--rate", "10000", "--settle", "3")
    assert recounted.returncode == 0, recounted.stdout + recounted.stderr
