"""The contract of webhooks on the deployed stack."""

import json
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from standardwebhooks import WebhookVerificationError

from shop.identifiers import new_id
from tests.support.deployed_shop import Shop, error_of, gather
from tests.support.order_queue import logged
from tests.support.sent_emails import Mail
from tests.support.waiting import HANG_SECONDS, eventually
from tests.support.webhook_receiver import (
    LONG_AGO,
    Received,
    Receiver,
    Webhooks,
    running_webhooks,
)

ENDPOINTS = "/api/webhook-endpoints"
# Any: endpoints and deliveries are JSON.
type Json = dict[str, Any]


@pytest.fixture(scope="module")
def webhooks(shop: Shop) -> Iterator[Webhooks]:
    with running_webhooks(shop) as running:
        yield running


@pytest.fixture(autouse=True)
def no_endpoints(webhooks: Webhooks) -> Iterator[None]:
    yield
    webhooks.shop.delete_webhook_endpoints()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.close()


@pytest.fixture
def endpoint(webhooks: Webhooks, receiver: Receiver) -> Json:
    return webhooks.shop.webhook_endpoint(url=receiver.url, eventTypes=["order.placed"])


# Endpoints


def test_created_endpoint_shows_its_secret_once(shop: Shop) -> None:
    created = shop.admin.http.post(
        ENDPOINTS,
        json={"url": "https://Hooks.Example.com", "eventTypes": ["*"], "description": " ERP "},
    )

    assert created.status_code == 201
    body = created.json()
    secret = body.pop("secret")
    assert secret.startswith("whsec_") and len(b64decode(secret.removeprefix("whsec_"))) == 32
    assert created.headers["Location"] == f"{ENDPOINTS}/{body['id']}"
    assert body == {
        "id": body["id"],
        "url": "https://hooks.example.com/",
        "description": "ERP",
        "eventTypes": ["*"],
        "status": "active",
        "disabledReason": None,
        "secretVersion": 1,
        "previousSecretExpiresAt": None,
        "failingSince": None,
        "createdAt": body["createdAt"],
        "updatedAt": body["createdAt"],
    }
    read = shop.admin.http.get(created.headers["Location"])
    assert read.json() == body and read.headers["ETag"] == created.headers["ETag"] == '"1"'
    assert shop.admin.http.get(ENDPOINTS).json()["data"] == [body]


def test_replay_has_the_secret_which_no_table_holds(shop: Shop) -> None:
    body = {"url": "https://hooks.example.com/", "eventTypes": ["order.placed"]}
    headers = {"Idempotency-Key": str(uuid4())}

    first, *others = gather(
        4, lambda _: shop.admin.http.post(ENDPOINTS, json=body, headers=headers)
    )

    for response in others:
        assert response.status_code == 201
        assert response.json() == first.json()
        assert response.headers["Location"] == first.headers["Location"]
    assert len(shop.admin.http.get(ENDPOINTS).json()["data"]) == 1
    again = shop.admin.http.post(ENDPOINTS, json=body, headers=headers)
    assert (again.text, again.headers["Idempotent-Replayed"]) == (first.text, "true")
    secret = first.json()["secret"].removeprefix("whsec_")
    tables = [name for name in shop.resources if name.endswith("Table")]
    for text in (secret, b64decode(secret).hex(), "whsec_"):
        assert not [name for name in tables if text in str(shop.table(name))]
    log = shop.stack.emulator.function_log.read_text()
    assert secret not in log and "whsec_" not in log


def test_endpoints_are_limited_to_twenty(shop: Shop) -> None:
    body = {"url": "https://hooks.example.com/", "eventTypes": ["order.placed"]}
    responses = gather(24, lambda _: shop.admin.http.post(ENDPOINTS, json=body))

    statuses = sorted(it.status_code for it in responses)
    assert statuses == [*[201] * 20, *[409] * 4]
    rejected = next(it for it in responses if it.status_code == 409)
    assert error_of(rejected) == (409, "LIMIT_REACHED")
    listed = shop.admin.http.get(ENDPOINTS).json()
    ids = [it["id"] for it in listed["data"]]
    assert ids == sorted(ids) and len(ids) == 20
    assert listed["meta"] == {
        "page": 1,
        "limit": 20,
        "total": 20,
        "totalPages": 1,
        "nextCursor": None,
    }
    assert shop.admin.http.delete(f"{ENDPOINTS}/{ids[0]}").status_code == 204
    assert shop.admin.http.post(ENDPOINTS, json=body).status_code == 201


@pytest.mark.parametrize(
    "fields",
    [
        *({"url": it} for it in ("ftp://127.0.0.1/", "http://u@127.0.0.1/", "x", "http://a/#b")),
        {"url": "http://127.0.0.1/" + "a" * 1000},
        *({"eventTypes": it} for it in ([], ["order.lost"], ["*", "order.placed"], "order.placed")),
        *({"description": it} for it in ("", "x" * 201, "\x00")),
        {"status": "disabled"},
    ],
    ids=lambda it: str(it)[:40],
)
def test_invalid_endpoint_is_rejected(shop: Shop, fields: Json) -> None:
    body = {"url": "https://hooks.example.com/", "eventTypes": ["order.placed"]} | fields

    assert error_of(shop.admin.http.post(ENDPOINTS, json=body)) == (422, "VALIDATION_ERROR")


def test_changes_respect_if_match(shop: Shop, endpoint: Json) -> None:
    path = f"{ENDPOINTS}/{endpoint['id']}"
    stale = {"If-Match": '"9"'}

    changed = shop.admin.http.patch(
        path, json={"description": "B", "eventTypes": ["*"]}, headers={"If-Match": '"1"'}
    )

    assert changed.status_code == 200 and changed.headers["ETag"] == '"2"'
    assert (changed.json()["description"], changed.json()["eventTypes"]) == ("B", ["*"])
    for response in (
        shop.admin.http.patch(path, json={"description": None}, headers=stale),
        shop.admin.http.delete(path, headers=stale),
    ):
        assert error_of(response) == (412, "PRECONDITION_FAILED")
    assert shop.admin.http.delete(path, headers={"If-Match": '"2"'}).status_code == 204
    for response in (
        shop.admin.http.get(path),
        shop.admin.http.patch(path, json={}),
        shop.admin.http.delete(path),
        shop.admin.http.put(f"{path}/secrets/1", json={}),
        shop.admin.http.get(f"{path}/deliveries"),
        shop.admin.http.post(f"{path}/deliveries", json={}),
    ):
        assert error_of(response) == (404, "NOT_FOUND")


# Secrets


def test_secret_changes_once_and_the_previous_one_signs_for_a_while(
    shop: Shop, webhooks: Webhooks, receiver: Receiver, endpoint: Json
) -> None:
    path = f"{ENDPOINTS}/{endpoint['id']}/secrets"

    responses = gather(
        4, lambda _: shop.admin.http.put(f"{path}/2", json={"keepPreviousFor": 3600})
    )

    assert {it.text for it in responses} == {responses[0].text}
    changed = responses[0].json()
    assert changed["version"] == 2 and changed["secret"] != endpoint["secret"]
    read = webhooks.read(endpoint)
    assert read["secretVersion"] == 2
    assert read["previousSecretExpiresAt"] == changed["previousExpiresAt"] is not None
    for version in ("1", "4", "0", "x", "02", "1e3", "9999999999"):
        response = shop.admin.http.put(f"{path}/{version}", json={})
        assert error_of(response) == (404, "NOT_FOUND"), version
    for seconds in (-1, 604_801, "60", None, 1.5):
        response = shop.admin.http.put(f"{path}/3", json={"keepPreviousFor": seconds})
        assert error_of(response) == (422, "VALIDATION_ERROR")

    [event_id] = webhooks.publish("order.placed")
    [received] = receiver.wait_for(event_id)
    for secret in (changed["secret"], endpoint["secret"]):
        assert received.verify(secret)["id"] == event_id
    webhooks.change_state(endpoint, previous_secret_expires_at=LONG_AGO)
    [event_id] = webhooks.publish("order.placed")
    [received] = receiver.wait_for(event_id)
    assert received.verify(changed["secret"])["id"] == event_id
    with pytest.raises(WebhookVerificationError):
        received.verify(endpoint["secret"])
    ended = shop.admin.http.put(f"{path}/3", json={"keepPreviousFor": 0}).json()
    assert ended["previousExpiresAt"] is None


# What receivers see


def test_order_reaches_its_receiver_signed_with_the_event_of_the_bus(
    shop: Shop, webhooks: Webhooks, receiver: Receiver, endpoint: Json
) -> None:
    person, product = shop.sign_up(), shop.product()
    placed = person.order((product["id"], 2))
    order = placed.json()["id"]

    assert eventually(lambda: [it for it in receiver.received if order.encode() in it.body])

    [received] = [it for it in receiver.received if order.encode() in it.body]
    event = received.verify(endpoint["secret"])
    assert received.path == "/in"
    assert received.headers["content-type"] == "application/json"
    assert received.headers["user-agent"] == "shop-webhooks/1"
    assert received.headers["webhook-id"] == event["id"]
    assert abs(int(received.headers["webhook-timestamp"]) - time.time()) < 120
    assert (event["type"], event["subject"]) == ("order.placed", order)
    assert event["correlationid"] == placed.headers["X-Request-Id"]
    assert received.body == json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
    assert person.email.encode() not in received.body
    delivery = webhooks.wait_for(endpoint, event["id"], status="delivered")
    assert delivery["event"] == event
    assert (delivery["eventType"], delivery["nextAttemptAt"]) == ("order.placed", None)
    [attempt] = delivery["attempts"]
    assert (attempt["status"], attempt["failure"]) == (200, None)
    assert eventually(lambda: logged(shop, message="webhook", delivery_id=delivery["id"]))
    [line] = logged(shop, message="webhook", delivery_id=delivery["id"])
    assert line["request_id"] == placed.headers["X-Request-Id"]
    assert line["host"] == "127.0.0.1" and "/in" not in json.dumps(line)


def test_event_goes_to_the_endpoints_that_want_it(shop: Shop, webhooks: Webhooks) -> None:
    receivers = [Receiver() for _ in range(4)]
    types = (["order.placed"], ["user.deleted", "order.placed"], ["*"], ["user.updated"])
    for receiver, wanted in zip(receivers, types, strict=True):
        shop.webhook_endpoint(url=receiver.url, eventTypes=wanted)

    order, user = webhooks.publish("order.placed", "user.deleted")

    def counts() -> list[int]:
        return [len(receiver.of(order, user)) for receiver in receivers]

    assert eventually(lambda: counts() == [1, 2, 2, 0]), counts()
    webhooks.wait_until_idle()
    assert counts() == [1, 2, 2, 0]
    for receiver in receivers:
        receiver.close()


@pytest.mark.parametrize("status", [301, 400, 404, 429, 500])
def test_refused_event_is_tried_again_with_the_same_bytes(
    webhooks: Webhooks, receiver: Receiver, endpoint: Json, status: int
) -> None:
    receiver.respond = lambda _: status
    receiver.text = "Try later\x00"
    receiver.headers = {"Location": f"{receiver.url}/other"}

    [event_id] = webhooks.publish("order.placed")
    refused = webhooks.wait_for(endpoint, event_id, status="pending")
    receiver.respond = lambda _: 204
    receiver.text = ""
    webhooks.let_time_pass(endpoint)
    webhooks.sweep()
    delivered = webhooks.wait_for(endpoint, event_id, status="delivered")

    assert refused["response"] == "Try later" and refused["nextAttemptAt"] is not None
    assert [it["status"] for it in delivered["attempts"]] == [status, 204]
    assert delivered["attempts"][0]["failure"] == "status"
    first, second = receiver.of(event_id)
    assert first.body == second.body and first.path == second.path == "/in"
    assert second.verify(endpoint["secret"])["id"] == event_id
    assert eventually(lambda: webhooks.read(endpoint)["failingSince"] is None)


def test_delivery_fails_after_ten_tries(
    webhooks: Webhooks, receiver: Receiver, endpoint: Json
) -> None:
    receiver.respond = lambda _: 503

    [event_id] = webhooks.publish("order.placed")

    def is_attempted(times: int) -> bool:
        delivery = webhooks.delivery(endpoint, event_id)
        return delivery is not None and len(delivery["attempts"]) == times

    for tries in range(1, 11):
        receiver.wait_for(event_id, tries)
        status = "pending" if tries < 10 else "failed"
        assert eventually(partial(is_attempted, tries))
        assert webhooks.wait_for(endpoint, event_id, status=status)
        webhooks.wait_until_idle()
        webhooks.change_state(endpoint, swept_until=LONG_AGO)
        webhooks.let_time_pass(endpoint)
        webhooks.sweep()
    webhooks.wait_until_idle()

    assert len(receiver.of(event_id)) == 10
    assert webhooks.read(endpoint)["failingSince"] is not None
    # On request, it starts again.
    receiver.respond = lambda _: 200
    webhooks.patch(endpoint, status="active")
    assert webhooks.redeliver(endpoint, event_id).status_code == 202
    webhooks.wait_for(endpoint, event_id, status="delivered")


# Requested deliveries


def test_ping_reaches_the_endpoint_whatever_it_wants(
    webhooks: Webhooks, receiver: Receiver, endpoint: Json
) -> None:
    requested = webhooks.redeliver(endpoint)

    assert requested.status_code == 202
    assert eventually(lambda: receiver.received)
    event = receiver.received[0].verify(endpoint["secret"])
    assert (event["type"], event["data"]) == ("webhook.ping", {"endpointId": endpoint["id"]})
    delivery = webhooks.wait_for(endpoint, event["id"], status="delivered")
    assert requested.json() == {"id": delivery["id"]}


def test_delivered_event_is_sent_again_on_request_only(
    webhooks: Webhooks, receiver: Receiver, endpoint: Json
) -> None:
    [event_id] = webhooks.publish("order.placed")
    webhooks.wait_for(endpoint, event_id, status="delivered")

    again = webhooks.redeliver(endpoint, event_id.upper())

    first, second = receiver.wait_for(event_id, 2)
    assert again.status_code == 202 and first.body == second.body
    assert error_of(webhooks.redeliver(endpoint, new_id())) == (404, "NOT_FOUND")
    assert error_of(webhooks.redeliver(endpoint, "no-id")) == (422, "VALIDATION_ERROR")
    webhooks.patch(endpoint, status="disabled")
    for id_ in (None, event_id):
        assert error_of(webhooks.redeliver(endpoint, id_)) == (409, "INVALID_TRANSITION")


def test_requested_deliveries_are_limited(webhooks: Webhooks, endpoint: Json) -> None:
    responses = gather(8, lambda _: [webhooks.redeliver(endpoint) for _ in range(16)])

    # The minute may change in between.
    every = [it for some in responses for it in some]
    assert 60 <= sum(it.status_code == 202 for it in every) <= 120
    rejected = next(it for it in every if it.status_code != 202)
    assert error_of(rejected) == (429, "TOO_MANY_REQUESTS")
    assert 0 < int(rejected.headers["Retry-After"]) <= 60
    webhooks.wait_until_idle()


def test_deliveries_are_listed_by_cursor_and_status(
    shop: Shop, webhooks: Webhooks, receiver: Receiver, endpoint: Json
) -> None:
    path = f"{ENDPOINTS}/{endpoint['id']}/deliveries"
    refused = webhooks.publish("order.placed", time="2026-11-01T00:00:00.000Z")
    receiver.respond = lambda it: 500 if it.id in refused else 200
    ids = [webhooks.publish("order.placed", time=f"2026-11-0{n}T00:00:00.000Z")[0] for n in (2, 3)]
    assert eventually(lambda: len(webhooks.deliveries(endpoint)) == 3)

    pages = [shop.admin.http.get(path, params={"limit": "1"}).json()]
    while cursor := pages[-1]["meta"]["nextCursor"]:
        pages += [shop.admin.http.get(path, params={"limit": "1", "cursor": cursor}).json()]

    assert [it["eventId"] for page in pages for it in page["data"]] == [*reversed(ids), *refused]
    assert pages[0]["meta"]["total"] is None
    for status, expected in (("pending", refused), ("delivered", ids[::-1]), ("failed", [])):
        found = shop.admin.http.get(path, params={"status": status}).json()["data"]
        assert [it["eventId"] for it in found] == expected
    assert shop.admin.http.get(path, params={"status": "lost"}).status_code == 422
    cursor = pages[0]["meta"]["nextCursor"]
    other = shop.webhook_endpoint()
    foreign = shop.admin.http.get(
        f"{ENDPOINTS}/{other['id']}/deliveries", params={"limit": "1", "cursor": cursor}
    )
    assert error_of(foreign) == (400, "BAD_REQUEST")


# Disabled endpoints and rests


def test_endpoint_that_is_gone_is_disabled_and_its_admin_gets_an_email(
    shop: Shop, webhooks: Webhooks, receiver: Receiver
) -> None:
    mail, admin = Mail(shop), shop.sign_up()
    role = shop.admin.http.patch(f"/api/users/{admin.id}", json={"role": "admin"})
    assert role.status_code == 200
    body = {"url": receiver.url, "eventTypes": ["order.placed"]}
    endpoint = shop.log_in(admin.email).http.post(ENDPOINTS, json=body).json()
    subject = "A webhook endpoint was disabled"
    receiver.respond = lambda _: 410

    [event_id] = webhooks.publish("order.placed")
    assert eventually(lambda: webhooks.read(endpoint)["status"] == "disabled")

    assert webhooks.read(endpoint)["disabledReason"] == "gone"
    [message] = mail.to(admin.email, subject)
    assert "127.0.0.1" in message.text and "/in" not in message.text
    [ignored] = webhooks.publish("order.placed")
    webhooks.wait_until_idle()
    assert webhooks.delivery(endpoint, ignored) is None
    # What waits is sent after the activation.
    receiver.respond = lambda _: 200
    webhooks.patch(endpoint, status="active")
    webhooks.let_time_pass(endpoint)
    webhooks.sweep()
    webhooks.wait_for(endpoint, event_id, status="delivered")
    assert mail.to(admin.email, subject) == [message]


def test_endpoint_without_a_success_for_72_hours_is_disabled(
    shop: Shop, webhooks: Webhooks, receiver: Receiver, endpoint: Json
) -> None:
    receiver.respond = lambda _: 500
    webhooks.change_state(endpoint, failing_since=LONG_AGO, failures=3)

    webhooks.publish("order.placed")

    assert eventually(lambda: webhooks.read(endpoint)["status"] == "disabled")
    read = webhooks.read(endpoint)
    assert (read["disabledReason"], read["failingSince"]) == ("failing", LONG_AGO)
    assert webhooks.patch(endpoint, status="active")["failingSince"] is None


def test_endpoint_rests_after_five_failures_and_a_probe_ends_it(
    shop: Shop, webhooks: Webhooks, receiver: Receiver, endpoint: Json
) -> None:
    receiver.respond = lambda _: 500
    webhooks.publish(*["order.placed"] * 8)
    assert eventually(lambda: webhooks.state(endpoint)["rests_until"])
    webhooks.wait_until_idle()
    before = len(receiver.received)

    ids = webhooks.publish(*["order.placed"] * 20)
    webhooks.wait_until_idle()
    webhooks.sweep()
    webhooks.wait_until_idle()

    assert len(receiver.received) == before
    assert all(not webhooks.wait_for(endpoint, it, status="pending")["attempts"] for it in ids)
    webhooks.let_time_pass(endpoint)
    webhooks.sweep()
    assert eventually(lambda: webhooks.state(endpoint)["rest_seconds"] == 120)
    webhooks.wait_until_idle()
    assert len(receiver.received) == before + 1  # the probe

    receiver.respond = lambda _: 200
    webhooks.change_state(endpoint, swept_until=LONG_AGO)
    webhooks.let_time_pass(endpoint)
    webhooks.sweep()
    for id_ in ids:
        webhooks.wait_for(endpoint, id_, status="delivered")
    assert webhooks.read(endpoint)["failingSince"] is None


def test_receiver_that_fails_half_of_the_time_loses_none_of_1000_orders(
    webhooks: Webhooks, receiver: Receiver, endpoint: Json
) -> None:
    numbers, accepted = count(), set()
    refused: Counter[str] = Counter()

    def respond(received: Received) -> int:
        # With ten tries of each, chance alone would fail one of a thousand.
        if next(numbers) % 2 and refused[received.id] < 6:
            refused[received.id] += 1
            return 503
        accepted.add(received.id)
        return 200

    receiver.respond = respond
    ids = webhooks.publish(*["order.placed"] * 1000)
    assert eventually(lambda: webhooks.count(endpoint) == 1000, 5 * HANG_SECONDS)
    webhooks.wait_until_idle(5 * HANG_SECONDS)

    # Five failures in a row end a sweep, but each makes at least one attempt.
    while webhooks.pending(endpoint):
        attempts = len(receiver.received)
        webhooks.change_state(endpoint, swept_until=LONG_AGO)
        webhooks.let_time_pass(endpoint)
        webhooks.sweep()
        webhooks.wait_until_idle(5 * HANG_SECONDS)
        assert len(receiver.received) > attempts, webhooks.state(endpoint)

    assert accepted == {*ids}
    assert webhooks.failed.is_empty()
    # A receiver that accepted an event gets it again only if the result could not be written.
    assert len(receiver.received) < 4 * len(ids)


def test_deleted_endpoint_gets_nothing_more(
    shop: Shop, webhooks: Webhooks, receiver: Receiver, endpoint: Json
) -> None:
    receiver.respond = lambda _: 500
    [event_id] = webhooks.publish("order.placed")
    webhooks.wait_for(endpoint, event_id, status="pending")

    assert shop.admin.http.delete(f"{ENDPOINTS}/{endpoint['id']}").status_code == 204
    webhooks.publish("order.placed")
    webhooks.sweep()
    webhooks.wait_until_idle()

    assert len(receiver.received) == 1
    assert shop.admin.http.get(ENDPOINTS).json()["data"] == []


# Targets


@pytest.mark.parametrize(
    ("url", "failure"),
    [
        ("http://127.0.0.2:{port}/", "address"),
        ("http://[::1]:{port}/", "address"),
        ("http://169.254.169.254/latest/meta-data/", "address"),
        ("http://8.8.8.8/", "address"),
        ("https://hooks.example.com/", "dns"),
        ("http://localhost:{port}/", "dns"),
        ("https://127.0.0.1:{port}/", "tls"),
        ("http://127.0.0.1:1/", "connect"),
    ],
)
def test_local_stack_reaches_one_address(
    shop: Shop, webhooks: Webhooks, receiver: Receiver, url: str, failure: str
) -> None:
    port = receiver.url.split(":")[-1].removesuffix("/in")
    endpoint = shop.webhook_endpoint(url=url.format(port=port))

    event = webhooks.redeliver(endpoint).json()
    assert eventually(lambda: [it for it in webhooks.deliveries(endpoint) if it["attempts"]])

    [delivery] = webhooks.deliveries(endpoint)
    assert delivery["id"] == event["id"]
    assert delivery["attempts"][0]["failure"] == failure
    assert not receiver.received
