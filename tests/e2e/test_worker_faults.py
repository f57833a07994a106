"""Workers finish their work exactly once under faults."""

import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import pytest

from shop.identifiers import new_id
from tests.support.deployed_shop import Person, Shop, gather, new_email
from tests.support.event_listener import Listener
from tests.support.event_sources import Queue
from tests.support.fault_proxy import (
    BUS,
    MAIL,
    QUEUES,
    Call,
    Fault,
    FaultProxy,
    Response,
    Send,
    cut,
    cut_off,
    damaged,
    never_arrived,
    no_json,
    no_response,
    partly,
    response_lost,
    service_error,
)
from tests.support.fixtures import PASSWORD
from tests.support.order_queue import queue_with
from tests.support.recovery_tokens import verify
from tests.support.sent_emails import NEW_PASSWORD, ORDERED, WELCOME, Mail
from tests.support.waiting import HANG_SECONDS, eventually

THROTTLED = service_error("ThrottlingException")
TOO_MANY_EMAILS = service_error("TooManyRequestsException", 429)
FAULTS: dict[str, Fault] = {
    "throttled": THROTTLED,
    "failing": service_error("InternalException", 500),
    "hanging": no_response(30),
    "denied": service_error("AccessDeniedException"),
    "expired": service_error("ExpiredTokenException"),
    "lost": response_lost,
    "cut off": cut_off,
    "no JSON": damaged(no_json),
    "half of them": partly(share=0.5, seed=7),
    "all of them": partly(share=1, seed=7, code="InternalFailure"),
}


@pytest.fixture(scope="module")
def bus(shop: Shop) -> Iterator[Listener]:
    listener = Listener(shop.stack)
    yield listener
    listener.close()


@pytest.fixture
def mail(shop: Shop) -> Iterator[Mail]:
    mail = Mail(shop)
    yield mail
    mail.wait_until_idle()


def fast_redelivery(shop: Shop, queue: str, seconds: int = 10) -> AbstractContextManager[None]:
    """Redeliver failed messages after seconds, not minutes, and after the worker's run time."""
    return Queue(shop.stack, shop.resources[queue]).redelivery_after(seconds)


async def passed(call: Call, send: Send) -> Response:
    return await send()


def met(hits: list[Call], count: int) -> bool:
    return eventually(lambda: len(hits) >= count)


# The publisher


def test_bus_faults_keep_the_order_and_ids_of_events(
    shop: Shop, bus: Listener, faults: FaultProxy
) -> None:
    people_by_kind = {kind: [shop.sign_up() for _ in range(2)] for kind in FAULTS}

    for kind, people in people_by_kind.items():
        with ExitStack() as faulty:
            # One call's maximum of entries, so that some entries of a call fail.
            with bus.held("PublishUsers"):
                for person in people:
                    for name in "abcd":
                        changed = person.http.patch("/api/users/me", json={"name": name})
                        assert changed.status_code == 200
                # More than the SDK's three attempts, so that the publisher has to retry. It meets
                # the fault from its first call: on a busy machine it could be faster than the test.
                hits = faulty.enter_context(faults.on(FAULTS[kind], service=BUS, times=5))
            assert met(hits, 5), kind

    for kind, people in people_by_kind.items():
        for person in people:
            assert heard(bus, person, 5), kind
            assert versions(bus, person) == [1, 2, 3, 4, 5], kind


def heard(bus: Listener, person: Person, count: int) -> bool:
    return eventually(lambda: len(versions(bus, person)) >= count)


def versions(bus: Listener, person: Person) -> list[int]:
    """Return the versions in a user's events, in order of first arrival."""
    first = {event["id"]: event["data"]["version"] for event in reversed(bus.of(person.id))}
    return list(reversed(first.values()))


@pytest.mark.parametrize(
    "fault", [service_error("RequestThrottled"), no_response(30)], ids=["throttled", "hanging"]
)
def test_record_that_could_not_be_dead_lettered_blocks_others_and_loses_none(
    shop: Shop, bus: Listener, faults: FaultProxy, fault: Fault
) -> None:
    aside = Queue(shop.stack, shop.resources["UnpublishedEvents"])
    key = {"id": {"S": new_id()}}
    dynamodb = shop.stack.client("dynamodb")

    with faults.on(fault, service=QUEUES) as hits:
        dynamodb.put_item(TableName=shop.resources["UsersTable"], Item=key)
        person = shop.sign_up()
        assert eventually(lambda: len(hits) >= 3)
    bus.hears(person.id, "user.registered")

    assert len(aside.received()) == 1
    dynamodb.delete_item(TableName=shop.resources["UsersTable"], Key=key)
    assert len(aside.received()) == 1


# Emails


def wait_for_welcome_emails(mail: Mail, *people: Person) -> None:
    """Wait for the welcome emails, so that they do not meet the faults."""
    for person in people:
        assert len(mail.to(person.email, WELCOME)) == 1
    mail.wait_until_idle()


def test_email_that_met_a_fault_is_sent_once_afterwards(
    shop: Shop, mail: Mail, mail_faults: FaultProxy
) -> None:
    kinds: dict[str, tuple[Fault, dict[str, Any]]] = {
        "the claim": (THROTTLED, {"operation": "UpdateItem"}),
        "the claim's response": (response_lost, {"operation": "UpdateItem", "times": 1}),
        "counting": (THROTTLED, {"operation": "UpdateItem", "skip": 1}),
        "counting, its response": (
            response_lost,
            {"operation": "UpdateItem", "skip": 2, "times": 1},
        ),
        "reading": (service_error("InternalServerError", 500), {"operation": "GetItem"}),
        "reading, damaged": (damaged(cut), {"operation": "GetItem"}),
        "sending": (TOO_MANY_EMAILS, {"service": MAIL}),
        "sending, denied": (service_error("AccessDeniedException", 403), {"service": MAIL}),
        "sending, broken": (never_arrived, {"service": MAIL}),
    }
    people = {kind: shop.sign_up() for kind in kinds}
    wait_for_welcome_emails(mail, *people.values())

    with fast_redelivery(shop, "EmailsToSend"):
        for kind, (fault, where) in kinds.items():
            operations = [where.pop("operation")] if "operation" in where else []
            with mail_faults.on(fault, *operations, **where) as hits:
                mail.publish("user.password_changed", userId=people[kind].id, version=1)
                assert met(hits, 1), kind
        for kind, person in people.items():
            assert len(mail.to(person.email, NEW_PASSWORD)) == 1, kind
        mail.wait_until_idle()

    for kind, person in people.items():
        assert len(mail.to(person.email, NEW_PASSWORD)) == 1, kind


def test_mark_survives_more_lost_responses_than_the_sdk_retries(
    shop: Shop, mail: Mail, mail_faults: FaultProxy
) -> None:
    ada = shop.sign_up()
    wait_for_welcome_emails(mail, ada)

    # The lease and the count pass; all three attempts at the mark lose their responses.
    for fault in (response_lost, THROTTLED):
        with mail_faults.on(fault, "UpdateItem", skip=3, times=9) as hits:
            id_ = mail.publish("user.password_changed", userId=ada.id, version=1)
            assert met(hits, 9)
        mail.wait_until_idle()
        assert mail.outcomes(id_) == ["email sent"]
        mail.republish(id_, "user.password_changed", userId=ada.id, version=1)
        mail.wait_until_idle()
        assert mail.outcomes(id_) == ["email sent", "no email: already handled"]

    assert len(mail.to(ada.email, NEW_PASSWORD, 2)) == 2


def test_email_with_a_lost_ses_response_is_sent_again_under_the_same_reference(
    shop: Shop, mail: Mail, mail_faults: FaultProxy
) -> None:
    """SES has no idempotency token, so this looks like an email that was never sent."""
    ada = shop.sign_up()
    wait_for_welcome_emails(mail, ada)

    with fast_redelivery(shop, "EmailsToSend"):
        with mail_faults.on(response_lost, service=MAIL, times=1) as lost:
            id_ = mail.publish("user.password_changed", userId=ada.id, version=1)
            assert met(lost, 1)
        with mail_faults.on(passed, service=MAIL) as sent:
            assert len(mail.to(ada.email, NEW_PASSWORD, 2)) == 2
            mail.wait_until_idle()

    (copy,) = sent
    assert {"Name": "X-Entity-Ref-ID", "Value": id_} in copy.request["Content"]["Simple"]["Headers"]
    assert len(mail.to(ada.email, NEW_PASSWORD, 2)) == 2


def test_email_waits_for_its_sender_to_be_verified(
    shop: Shop, mail: Mail, mail_faults: FaultProxy
) -> None:
    ada = shop.sign_up()
    wait_for_welcome_emails(mail, ada)
    message = (
        "Email address is not verified. The following identities failed the check in region "
        "US-EAST-1: shop@example.com"
    )

    with fast_redelivery(shop, "EmailsToSend"):
        with mail_faults.on(
            service_error("MessageRejected", message=message), service=MAIL
        ) as hits:
            id_ = mail.publish("user.password_changed", userId=ada.id, version=1)
            assert met(hits, 2)
        assert len(mail.to(ada.email, NEW_PASSWORD)) == 1
        mail.wait_until_idle()

    assert mail.outcomes(id_) == ["email sent"]


def sometimes(share: float, seed: int, *kinds: Fault) -> Fault:
    """Inject each kind of fault into this share of calls."""
    chance = random.Random(seed)

    async def fault(call: Call, send: Send) -> Response:
        drawn = int(chance.random() / share)
        return await (kinds[drawn](call, send) if drawn < len(kinds) else send())

    return fault


def test_emails_under_faults_all_arrive_once(
    shop: Shop, mail: Mail, mail_faults: FaultProxy
) -> None:
    ada = shop.sign_up()
    verify(shop, ada)
    wait_for_welcome_emails(mail, ada)
    order = ada.order((shop.product(stock=1)["id"], 1)).json()["id"]
    assert len(mail.to(ada.email, ORDERED)) == 1
    mail.wait_until_idle()
    failed = Queue(shop.stack, shop.resources["EmailsToSendFailed"])
    assert failed.is_empty()

    with (
        # An unreleased lease expires after 40 s, long before the tenth receive.
        fast_redelivery(shop, "EmailsToSend", seconds=15),
        mail_faults.on(sometimes(0.2, 1, response_lost, THROTTLED)) as hits,
        mail_faults.on(sometimes(0.1, 2, TOO_MANY_EMAILS, never_arrived), service=MAIL),
    ):
        published = [mail.publish("order.placed", userId=ada.id, orderId=order) for _ in range(80)]
        mail.wait_until_idle(5 * HANG_SECONDS)

    sent = [line["id"] for line in mail.log_lines() if line.get("message") == "email sent"]
    assert len(mail.to(ada.email, ORDERED, 81)) == 81
    assert sorted(it for it in sent if it in published) == sorted(published)
    assert len(hits) > 80
    assert failed.is_empty()


# Order processing


@contextmanager
def fast_processing(shop: Shop) -> Iterator[None]:
    with queue_with(shop.stack, DelaySeconds="0"), fast_redelivery(shop, "OrdersToProcess"):
        yield


def test_orders_are_processed_once_under_database_faults(
    shop: Shop, bus: Listener, faults: FaultProxy
) -> None:
    kinds: dict[str, Fault] = {
        "throttled": THROTTLED,
        "failing": service_error("InternalServerError", 500),
        "denied": service_error("AccessDeniedException"),
        "breaking": never_arrived,
        "lost": response_lost,
        "cut": damaged(cut),
        "cut off": cut_off,
    }
    person, product = shop.sign_up(), shop.product(stock=100)
    orders = {}

    with fast_processing(shop):
        for kind, fault in kinds.items():
            placed = person.order((product["id"], 1))
            assert placed.status_code == 201
            orders[kind] = placed.json()["id"]
            # The next writes are the worker's.
            with faults.on(fault, "TransactWriteItems", times=3) as hits:
                assert met(hits, 3), kind
        for kind, order in orders.items():
            events = bus.hears(order, "order.placed", "order.processing")
            assert [event["data"]["version"] for event in events] == [1, 2], kind

    assert shop.stock(product) == 100 - len(kinds)
    assert Queue(shop.stack, shop.resources["FailedOrdersToProcess"]).is_empty()


# Read models


def test_read_models_catch_up_after_an_outage(shop: Shop, faults: FaultProxy) -> None:
    search, counters = shop.resources["SearchTable"], shop.resources["CountersTable"]
    name = f"Zephyr {new_id()[-8:]}"

    before = total(shop)
    with (
        faults.on(THROTTLED, table=search),
        faults.on(damaged(no_json), "BatchGetItem", table=counters) as states,
    ):
        gather(4, lambda _: shop.sign_up(name=name))
        assert eventually(lambda: len(states) >= 3)
    assert eventually(lambda: total(shop) == before + 4)

    def found() -> list[str]:
        page = shop.admin.http.get("/api/users", params={"search": name}).json()
        return [user["name"] for user in page["data"]]

    # Totals are updated before search rows.
    assert eventually(lambda: found() == [name] * 4), found()


@pytest.mark.parametrize("kind", ["throttled", "lost"])
@pytest.mark.parametrize(
    ("operation", "table"),
    [
        ("TransactWriteItems", "CountersTable"),
        ("BatchWriteItem", "SearchTable"),
        ("UpdateItem", "CountersTable"),
    ],
)
def test_deleted_user_has_no_search_rows_after_any_failure(
    shop: Shop, faults: FaultProxy, operation: str, table: str, kind: str
) -> None:
    """Rename A to B and B to C while the projector fails, then C to D; delete the account."""
    before = total(shop)
    fault = {"throttled": THROTTLED, "lost": response_lost}[kind]
    person = shop.sign_up(name="Augusta Byron")
    assert eventually(lambda: search_rows(shop, person))

    def change(name: str) -> None:
        body = {"name": name, "email": new_email(), "currentPassword": PASSWORD}
        changed = person.http.patch("/api/users/me", json=body)
        assert changed.status_code == 200, changed.text

    with faults.on(fault, operation, table=shop.resources[table]) as hits:
        change("Zephyrine Quux")
        assert met(hits, 1)
        seen = len(hits)
        change("Wilhelmina Vox")
        # A call has three attempts; a committed one with lost responses is not repeated after them.
        assert met(hits, seen + 3)
    change("Ada King")
    assert person.http.delete("/api/users/me").status_code == 204

    assert eventually(lambda: is_tombstone(shop, person))
    assert search_rows(shop, person) == []
    assert total(shop) == before


def total(shop: Shop) -> int:
    """Return the total of users in the list."""
    found: int = shop.admin.http.get("/api/users").json()["meta"]["total"]
    return found


def search_rows(shop: Shop, person: Person) -> list[dict[str, Any]]:
    return [row for row in shop.table("SearchTable") if row["user_id"]["S"] == person.id]


def is_tombstone(shop: Shop, person: Person) -> bool:
    """Return whether only the deletion marker of a user is stored."""
    row_id = f"users:{person.id}"
    rows = [row for row in shop.table("CountersTable") if row["id"]["S"] == row_id]
    return [row.keys() for row in rows] == [{"id", "schema_version", "deleted", "ttl"}]
