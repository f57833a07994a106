"""Erasure removes every text of the user from all tables, under faults and races too."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.support.deployed_shop import PROJECTED, Person, Shop, error_of
from tests.support.event_listener import Listener
from tests.support.fault_proxy import (
    Call,
    Fault,
    FaultProxy,
    Response,
    Send,
    response_lost,
    service_error,
)
from tests.support.fixtures import PASSWORD
from tests.support.recovery_tokens import reset_request_limits
from tests.support.second_factors import enrol
from tests.support.sent_emails import NEW_ADDRESS, RESET, WELCOME, Mail
from tests.support.waiting import eventually

THROTTLED = service_error("ThrottlingException")


@pytest.fixture(scope="module")
def bus(shop: Shop) -> Iterator[Listener]:
    listener = Listener(shop.stack)
    yield listener
    listener.close()


def meanwhile(work: Callable[[], object]) -> Fault:
    """Run `work` before the call reaches the table."""

    async def fault(call: Call, send: Send) -> Response:
        await asyncio.to_thread(work)
        return await send()

    return fault


def order_of(shop: Shop, person: Person, **body: Any) -> str:
    """Place an order, and return a path that an admin can read after the erasure."""
    placed = person.order((shop.product()["id"], 1), **body)
    assert placed.status_code == 201, placed.text
    return f"/api/users/{person.id}/orders/{placed.json()['id']}"


def read(shop: Shop, order: str) -> tuple[str | None, str]:
    """Return note and entity tag."""
    response = shop.admin.http.get(order)
    assert response.status_code == 200, response.text
    return response.json()["note"], response.headers["ETag"]


def holding(shop: Shop, marker: str) -> set[str]:
    """Return the tables with a row that contains the marker."""
    tables = [name for name in shop.resources if name.endswith("Table")]
    return {name for name in tables if marker in str(shop.table(name)).lower()}


def test_erasure_leaves_no_free_text_in_any_table(shop: Shop) -> None:
    marker = f"marker{uuid4().hex}"
    mail = Mail(shop)
    product = shop.product()
    person = shop.sign_up(email=f"{marker}@example.com", name=f"Ada {marker}")
    body = {"email": person.email, "password": PASSWORD}
    agent = {"User-Agent": f"agent {marker}"}
    assert shop.anonymous.post("/api/sessions", json=body, headers=agent).status_code == 201
    line = [{"productId": product["id"], "quantity": 1}]
    for client, key in ((person.http, f"own-{marker}"), (shop.admin.http, f"admin-{marker}")):
        placed = client.post(
            f"/api/users/{person.id}/orders",
            json={"items": line, "note": f"note {marker}"},
            headers={"Idempotency-Key": key},
        )
        assert placed.status_code == 201
    edited = placed.headers["Location"]
    assert person.http.patch(edited, json={"note": f"edited {marker}"}).status_code == 200
    moved = {"email": f"new.{marker}@example.com", "currentPassword": PASSWORD}
    assert person.http.patch("/api/users/me", json=moved).status_code == 200
    reset_request_limits(shop)
    reset = {"email": moved["email"]}
    assert shop.anonymous.post("/api/password-resets", json=reset).status_code == 202
    for address, subject in ((person.email, WELCOME), (person.email, NEW_ADDRESS)):
        assert len(mail.to(address, subject)) == 1
    assert len(mail.to(moved["email"], RESET)) == 1
    person.authorize(shop.oauth_client(), nonce=marker)
    enrol(person, name=f"phone {marker}")
    # The test needs the marker in every table except four: attempts are digests, products and
    # OAuth clients have no user, and webhooks have ids only.
    everywhere = {name for name in shop.resources if name.endswith("Table")}
    expected = everywhere - {
        *("AttemptsTable", "ProductsTable", "OauthClientsTable", "WebhooksTable")
    }
    assert eventually(lambda: holding(shop, marker) == expected), holding(shop, marker)

    assert person.http.delete("/api/users/me").status_code == 204

    assert holding(shop, marker) <= PROJECTED
    assert eventually(lambda: not holding(shop, marker)), holding(shop, marker)
    mail.wait_until_idle()
    assert holding(shop, marker) == set()


def test_cleared_note_increments_the_version_without_an_event(shop: Shop, bus: Listener) -> None:
    person, other = shop.sign_up(), shop.sign_up()
    noted, bare = order_of(shop, person, note="Ring twice."), order_of(shop, person)
    others = order_of(shop, other, note="Ring once.")
    before = shop.admin.http.get(noted).json()

    assert person.http.delete("/api/users/me").status_code == 204

    after = shop.admin.http.get(noted)
    assert after.headers["ETag"] == '"2"'
    assert after.json()["updatedAt"] > before["updatedAt"]
    assert after.json() == before | {"note": None, "updatedAt": after.json()["updatedAt"]}
    assert read(shop, bare) == (None, '"1"')
    assert read(shop, others) == ("Ring once.", '"1"')
    bus.hears(person.id, "user.registered", "user.deleted")
    assert bus.types(noted.rpartition("/")[2]) == ["order.placed"]


def test_note_cleared_with_a_lost_response_is_cleared_once(shop: Shop, faults: FaultProxy) -> None:
    person = shop.sign_up()
    order = order_of(shop, person, note="Ring twice.")

    with faults.on(
        response_lost, "UpdateItem", table=shop.resources["OrdersTable"], times=1
    ) as hits:
        assert person.http.delete("/api/users/me").status_code == 204

    assert len(hits) == 1
    assert read(shop, order) == (None, '"2"')


def test_erasure_that_cannot_clear_notes_is_503_and_a_retry_continues(
    shop: Shop, faults: FaultProxy
) -> None:
    person = shop.sign_up()
    orders = [order_of(shop, person, note=f"Ring {number} times.") for number in range(3)]

    # One note is cleared before the table fails.
    with faults.on(THROTTLED, "UpdateItem", table=shop.resources["OrdersTable"], skip=1):
        response = person.http.delete("/api/users/me")
        assert error_of(response) == (503, "SERVICE_UNAVAILABLE")
        assert int(response.headers["Retry-After"]) >= 1
    assert person.http.get("/api/users/me").status_code == 200
    assert person.http.delete("/api/users/me").status_code == 204

    assert [read(shop, order) for order in orders] == [(None, '"2"')] * 3


def test_order_placed_during_an_erasure_loses_its_note_too(shop: Shop, faults: FaultProxy) -> None:
    person, placed = shop.sign_up(), []

    def place() -> None:
        placed.append(order_of(shop, person, note="Ring twice.", key="k"))

    credentials = shop.resources["CredentialsTable"]
    with faults.on(meanwhile(place), "TransactWriteItems", table=credentials, times=1):
        assert person.http.delete("/api/users/me").status_code == 204

    assert read(shop, placed[0]) == (None, '"2"')
    assert not [row for row in shop.table("IdempotencyTable") if person.id in str(row)]


def test_erasure_that_fails_after_its_commit_is_503_and_a_retry_continues(
    shop: Shop, faults: FaultProxy
) -> None:
    person, placed = shop.sign_up(), []

    def place() -> None:
        placed.append(order_of(shop, person, note="Ring twice."))

    credentials, orders = shop.resources["CredentialsTable"], shop.resources["OrdersTable"]
    with (
        faults.on(meanwhile(place), "TransactWriteItems", table=credentials, times=1),
        faults.on(THROTTLED, "Query", table=orders, skip=1),
    ):
        response = person.http.delete("/api/users/me")
    assert error_of(response) == (503, "SERVICE_UNAVAILABLE")
    assert read(shop, placed[0]) == ("Ring twice.", '"1"')
    assert shop.admin.http.get(f"/api/users/{person.id}").status_code == 404

    again = shop.admin.http.delete(f"/api/users/{person.id}")

    assert error_of(again) == (404, "NOT_FOUND")
    assert read(shop, placed[0]) == (None, '"2"')


def test_note_written_by_its_owner_during_erasure_is_404(shop: Shop, faults: FaultProxy) -> None:
    person = shop.sign_up()
    order = order_of(shop, person)
    erased: list[httpx2.Response] = []

    def erase() -> None:
        erased.append(shop.admin.http.delete(f"/api/users/{person.id}"))

    orders = shop.resources["OrdersTable"]
    with faults.on(meanwhile(erase), "TransactWriteItems", table=orders, times=1):
        response = person.http.patch(order, json={"note": "Ring twice."})

    assert [it.status_code for it in erased] == [204]
    assert error_of(response) == (404, "NOT_FOUND")
    assert read(shop, order) == (None, '"1"')


def test_rejected_erasure_clears_nothing(shop: Shop) -> None:
    person = shop.sign_up()
    order = order_of(shop, person, note="Ring twice.")
    before = shop.everything()

    stale = person.http.delete("/api/users/me", headers={"If-Match": '"99"'})
    foreign = shop.sign_up().http.delete(f"/api/users/{person.id}")

    assert error_of(stale) == (412, "PRECONDITION_FAILED")
    assert error_of(foreign) == (403, "FORBIDDEN")
    assert read(shop, order) == ("Ring twice.", '"1"')
    assert shop.everything()["OrdersTable"] == before["OrdersTable"]


def test_erasure_rejected_for_a_concurrent_change_clears_nothing(
    shop: Shop, faults: FaultProxy
) -> None:
    """A used key still replays the first response."""
    person, product = shop.sign_up(), shop.product()
    placed = person.order((product["id"], 1), key="k", note="Ring twice.")
    tag = {"If-Match": person.http.get("/api/users/me").headers["ETag"]}

    def rename() -> None:
        path = f"/api/users/{person.id}"
        assert shop.admin.http.patch(path, json={"name": "Ada King"}).status_code == 200

    credentials = shop.resources["CredentialsTable"]
    with faults.on(meanwhile(rename), "TransactWriteItems", table=credentials, times=1):
        erased = person.http.delete("/api/users/me", headers=tag)

    assert error_of(erased) == (412, "PRECONDITION_FAILED")
    again = person.order((product["id"], 1), key="k", note="Ring twice.")
    assert (again.content, again.headers["Idempotent-Replayed"]) == (placed.content, "true")
    order = f"/api/users/{person.id}/orders/{placed.json()['id']}"
    assert read(shop, order) == ("Ring twice.", '"1"')
