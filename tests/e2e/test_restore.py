"""Items deleted or damaged outside the API are restored, and requests succeed again."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.deployed_shop import Person, Shop
from tests.support.operator_commands import audit_lines, refresh_status
from tests.support.sent_emails import ORDERED, WELCOME, Mail
from tests.support.table_tools import listed, run


class Restoring:
    """A copy of a table as of now: the local cloud has no other point in time."""

    def __init__(self, shop: Shop, table: str) -> None:
        self._shop = shop
        self.table = table
        self.at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        assert self("restore").returncode == 0

    def __call__(self, action: str, *more: str) -> Any:
        words = ("--table", self.table, "--at", self.at, "--rate", "100000", *more)
        return run(self._shop, "tools.restore", action, *words)

    def names(self) -> set[str]:
        compared = self("compare")
        assert compared.returncode == 0, compared.stderr
        return set(re.findall(r"^  (\S+)$", compared.stdout, re.MULTILINE))


def recounted(shop: Shop, *repair: str) -> int:
    """Return the exit code: 0 if totals and search rows match the tables."""
    done = run(shop, "tools.recount", *repair, "--rate", "10000", "--settle", "3")
    return int(done.returncode)


@pytest.fixture(scope="module", autouse=True)
def repaired_totals_and_search(shop: Shop) -> Iterator[None]:
    """Repair totals and search, as the runbook does last; other tests' recounts need it."""
    yield
    recounted(shop, "--repair")
    assert recounted(shop) == 0


def delete(shop: Shop, table: str, **key: str) -> None:
    shop.drop_cached_items()
    shop.stack.client("dynamodb").delete_item(
        TableName=shop.resources[table], Key={name: {"S": value} for name, value in key.items()}
    )


@pytest.fixture
def copies(shop: Shop) -> Iterator[list[Restoring]]:
    made: list[Restoring] = []
    yield made
    for restoring in made:
        assert restoring("clean").returncode == 0
    names = shop.stack.client("dynamodb").list_tables()["TableNames"]
    assert not [name for name in names if "-restored-" in name]


def me(shop: Shop, person: Person) -> Any:
    return shop.log_in(person.email).http.get("/api/users/me")


def test_restored_user_can_log_in_is_searchable_and_gets_no_second_welcome(
    shop: Shop, copies: list[Restoring]
) -> None:
    mail, person = Mail(shop), shop.sign_up(name="Lost Lovelace")
    tag = person.http.get("/api/users/me").headers["ETag"]
    assert len(mail.to(person.email, WELCOME)) == 1
    restoring = Restoring(shop, "UsersTable")
    copies.append(restoring)
    delete(shop, "UsersTable", id=person.id)
    assert person.http.get("/api/users/me").status_code == 404

    before = shop.everything()
    assert person.id in restoring.names()
    assert shop.everything() == before
    brought = restoring("bring-back", "--keys", person.id)

    assert brought.returncode == 0, brought.stdout + brought.stderr
    again = me(shop, person)
    assert again.status_code == 200 and again.json()["name"] == "Lost Lovelace"
    assert int(again.headers["ETag"].strip('"')) > int(tag.strip('"')) + 1
    assert refresh_status(shop, person) == 401  # of a former session generation
    recounted(shop, "--repair")
    assert recounted(shop) == 0
    assert listed(shop, f"/api/users?search={person.email}", {person.id}).keys() == {person.id}
    mail.wait_until_idle()
    assert len(mail.to(person.email, WELCOME)) == 1
    [line] = [it for it in audit_lines(shop) if person.id in it["subject"].get("items", [])]
    assert (line["action"], line["outcome"]) == ("restore-table", "brought back")
    assert line["actor"].startswith("arn:aws:")


def test_last_admin_rule_holds_after_another_admin_is_restored(
    shop: Shop, copies: list[Restoring]
) -> None:
    restoring = Restoring(shop, "UsersTable")
    copies.append(restoring)
    delete(shop, "UsersTable", id=shop.admin.id)

    brought = restoring("bring-back", "--keys", shop.admin.id)

    assert "1 active admins" in brought.stdout, brought.stdout + brought.stderr
    # Restored users have to log in again, including the admin of the other tests.
    shop.log_in_admin()
    response = shop.admin.http.patch("/api/users/me", json={"status": "inactive"})
    assert (response.status_code, response.json()["error"]["code"]) == (409, "LAST_ADMIN")


def test_lost_and_damaged_orders_are_restored_and_return_their_stock_once(
    shop: Shop, copies: list[Restoring]
) -> None:
    mail, person, product = Mail(shop), shop.sign_up(), shop.product()
    lost, garbled = (person.order((product["id"], 2)).json()["id"] for _ in range(2))
    assert len(mail.to(person.email, ORDERED, 2)) == 2
    restoring = Restoring(shop, "OrdersTable")
    copies.append(restoring)
    delete(shop, "OrdersTable", user_id=person.id, id=lost)
    shop.change("OrdersTable", {"user_id": person.id, "id": garbled}, total="x", status="?")
    path = "/api/users/me/orders"
    assert person.http.get(f"{path}/{garbled}").status_code == 500

    names = [name for name in restoring.names() if name.startswith(person.id)]
    assert len(names) == 2
    brought = restoring("bring-back", "--keys", " ".join(names))

    assert brought.returncode == 0, brought.stdout + brought.stderr
    for order in (lost, garbled):
        again = person.http.get(f"{path}/{order}")
        assert again.status_code == 200 and again.json()["status"] == "pending"
    assert person.http.get(path).json()["meta"]["total"] == 2
    assert shop.stock(product) == 6
    for order in (lost, garbled):
        response = person.http.patch(f"{path}/{order}", json={"status": "cancelled"})
        assert response.status_code == 200, response.text
    assert shop.stock(product) == 10
    assert person.http.get(path, params={"status": "cancelled"}).json()["meta"]["total"] == 2
    mail.wait_until_idle()
    assert len(mail.to(person.email, ORDERED)) == 2


def test_all_missing_items_are_restored_except_those_the_api_may_have_deleted(
    shop: Shop, copies: list[Restoring]
) -> None:
    lost, deleted = shop.product(), shop.product()
    restoring = Restoring(shop, "ProductsTable")
    copies.append(restoring)
    delete(shop, "ProductsTable", id=lost["id"])
    assert shop.admin.http.delete(f"/api/products/{deleted['id']}").status_code == 204

    brought = restoring("bring-back", "--all-missing")

    assert brought.returncode == 0, brought.stdout + brought.stderr
    assert f"{deleted['id']}: skipped, possibly deleted by an admin" in brought.stdout
    assert shop.anonymous.get(f"/api/products/{deleted['id']}").status_code == 404
    # Sales since the copy are unknown, so stock is 0 until an admin sets it.
    person = shop.sign_up()
    assert person.order((lost["id"], 1)).status_code == 409
    counted = shop.admin.http.patch(f"/api/products/{lost['id']}", json={"stock": 3})
    assert counted.status_code == 200
    assert person.order((lost["id"], 1)).status_code == 201


def test_damaged_password_hash_is_restored(shop: Shop, copies: list[Restoring]) -> None:
    person = shop.sign_up()
    restoring = Restoring(shop, "CredentialsTable")
    copies.append(restoring)
    shop.change("CredentialsTable", {"email": person.email}, password_hash="garbled")

    [name] = [name for name in restoring.names() if name.startswith(person.id)]
    assert person.email not in restoring("compare").stdout
    brought = restoring("bring-back", "--keys", name)

    assert brought.returncode == 0, brought.stdout + brought.stderr
    assert me(shop, person).status_code == 200
