"""Admins create, change and delete webhook endpoints, and request deliveries."""

import json
from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from shop.errors import (
    Forbidden,
    IdempotencyKeyReused,
    InvalidTransition,
    LimitReached,
    NotFound,
    PreconditionFailed,
    TooManyRequests,
)
from shop.http.response import Response
from shop.idempotency import IdempotentRequest, Replayed
from shop.identifiers import new_id
from shop.preconditions import Precondition
from shop.webhooks.models import (
    MAX_REQUESTS_PER_MINUTE,
    DeliveryStatus,
    DisabledReason,
    WebhookEndpoint,
)
from shop.webhooks.requests import (
    WebhookDeliveryListQuery,
    WebhookEndpointCreate,
    WebhookEndpointUpdate,
)
from shop.webhooks.service import WebhookDeliveryService, WebhookEndpointService
from shop.webhooks.signing import derive_secret, secret_text
from tests.fakes.webhook_store import FakeWebhookQueue, FakeWebhookStore
from tests.support.fixtures import ADMIN, ALICE, NOON
from tests.support.sample_items import webhook_delivery, webhook_endpoint

ENDPOINT, DELIVERY = webhook_endpoint(), webhook_delivery()
ANY = Precondition()


def secret_of(endpoint_id: str, version: int) -> bytes:
    return derive_secret(b"master", endpoint_id, version)


def text_of(endpoint_id: str, version: int) -> str:
    return secret_text(secret_of(endpoint_id, version))


def service_with(store: FakeWebhookStore) -> WebhookEndpointService:
    return WebhookEndpointService(store, lambda: NOON, new_id, secret_of)


def deliveries_with(
    store: FakeWebhookStore, queue: FakeWebhookQueue | None = None
) -> WebhookDeliveryService:
    return WebhookDeliveryService(store, queue or FakeWebhookQueue(), lambda: NOON, new_id)


def creation(**fields: Any) -> WebhookEndpointCreate:
    body = {"url": "https://hooks.example.com/in", "eventTypes": ["order.placed"], **fields}
    return WebhookEndpointCreate.model_validate(body)


def update(**fields: Any) -> WebhookEndpointUpdate:
    return WebhookEndpointUpdate.model_validate(fields)


def request(key: str | None = None, digest: bytes = b"digest") -> IdempotentRequest:
    def render(created: Any) -> Response:
        return Response(201, {"ETag": '"1"'}, json.dumps({"id": created.id, "secret": ""}))

    return IdempotentRequest(key, digest, render, lambda: NOON)


# Endpoints


def test_created_endpoint_has_a_secret_that_is_stored_nowhere() -> None:
    store = FakeWebhookStore()

    endpoint, secret = service_with(store).create(ADMIN, creation(description="ERP"), request("k"))

    assert store.endpoints == {endpoint.id: endpoint}
    assert secret == text_of(endpoint.id, 1)
    assert len(b64decode(secret.removeprefix("whsec_"))) == 32
    assert (endpoint.created_by, endpoint.description) == (ADMIN.id, "ERP")
    assert "whsec_" not in str(store.records) + str(store.endpoints)


def test_replay_has_the_secret_again() -> None:
    store = FakeWebhookStore()
    endpoint, secret = service_with(store).create(ADMIN, creation(), request("key"))
    service_with(store).change_secret(ADMIN, endpoint.id, 2, 0)

    with pytest.raises(Replayed) as replayed:
        service_with(store).create(ADMIN, creation(), request("key"))

    first = replayed.value.response
    assert (first.status, first.headers) == (201, {"ETag": '"1"'})
    assert json.loads(first.body) == {"id": endpoint.id, "secret": secret}
    with pytest.raises(IdempotencyKeyReused):
        service_with(store).create(ADMIN, creation(), request("key", b"other"))
    assert len(store.endpoints) == 1


@pytest.mark.parametrize("is_full", [False, True], ids=["with room", "at the limit"])
def test_concurrent_equal_request_gets_the_first_response(is_full: bool) -> None:
    others = [webhook_endpoint(id=new_id()) for _ in range(19 if is_full else 0)]
    store = FakeWebhookStore(*others)
    first: list[WebhookEndpoint] = []

    def meanwhile() -> None:
        first.append(service_with(store).create(ADMIN, creation(), request("key"))[0])

    store.meanwhile = meanwhile
    with pytest.raises(Replayed) as replayed:
        service_with(store).create(ADMIN, creation(), request("key"))

    secret = json.loads(replayed.value.response.body)["secret"]
    assert secret == text_of(first[0].id, 1)
    assert len(store.endpoints) == len(others) + 1


def test_endpoints_are_limited() -> None:
    store = FakeWebhookStore(*(webhook_endpoint(id=new_id()) for _ in range(20)))

    with pytest.raises(LimitReached):
        service_with(store).create(ADMIN, creation(), request("key"))
    assert not store.records


def test_nothing_is_created_if_the_secret_cannot_be_read() -> None:
    def unreadable(endpoint_id: str, version: int) -> bytes:
        raise OSError

    store = FakeWebhookStore(ENDPOINT)
    service = WebhookEndpointService(store, lambda: NOON, new_id, unreadable)
    with pytest.raises(OSError):
        service.create(ADMIN, creation(), request("key"))
    with pytest.raises(OSError):
        service.change_secret(ADMIN, ENDPOINT.id, 2, 0)

    assert store.endpoints == {ENDPOINT.id: ENDPOINT}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"url": "http://"}, "webhook_url"),
        ({"url": "https://u:p@127.0.0.1/"}, "webhook_url"),
        ({"eventTypes": []}, "too_short"),
        ({"eventTypes": ["order.lost"]}, "unknown_event_type"),
        ({"eventTypes": ["webhook.ping"]}, "unknown_event_type"),
        ({"eventTypes": ["*", "order.placed"]}, "event_types"),
        ({"eventTypes": ["order.placed"] * 21}, "too_long"),
        ({"description": "x" * 201}, "string_too_long"),
        ({"description": "\x00"}, "value_error"),
        ({"secret": "mine"}, "extra_forbidden"),
    ],
    ids=lambda it: str(it)[:40],
)
def test_invalid_endpoint_is_rejected(fields: dict[str, Any], code: str) -> None:
    with pytest.raises(ValidationError) as error:
        creation(**fields)

    assert code in {it["type"] for it in error.value.errors()}


def test_url_and_types_are_stored_in_their_canonical_form() -> None:
    fields = {"url": "HTTPS://Hooks.Example.COM", "eventTypes": ["order.placed", "order.placed"]}

    endpoint, _ = service_with(FakeWebhookStore()).create(ADMIN, creation(**fields), request())

    assert endpoint.url == "https://hooks.example.com/"
    assert endpoint.event_types == ["order.placed"]


def test_fields_change_and_the_version_rises() -> None:
    store = FakeWebhookStore(ENDPOINT)
    change = update(url="https://b.example.com/", eventTypes=["*"], description="B")

    after = service_with(store).update(ADMIN, ENDPOINT.id, change, ANY)

    assert (after.url, after.event_types, after.description) == (
        "https://b.example.com/",
        ["*"],
        "B",
    )
    assert after.version == 2
    assert service_with(store).update(ADMIN, ENDPOINT.id, change, ANY) == after
    cleared = service_with(store).update(ADMIN, ENDPOINT.id, update(description=None), ANY)
    assert (cleared.description, cleared.version) == (None, 3)


def test_concurrent_failures_are_not_lost_by_a_change() -> None:
    store = FakeWebhookStore(ENDPOINT)
    failing = ENDPOINT._replace(failures=1, failing_since=NOON, version=2)
    store.meanwhile = lambda: store.endpoints.update({ENDPOINT.id: failing})

    after = service_with(store).update(ADMIN, ENDPOINT.id, update(description="B"), ANY)

    assert after == failing._replace(description="B", version=3)


def test_status_active_forgets_failures_and_disabled_keeps_its_reason() -> None:
    failing = ENDPOINT._replace(failures=7, failing_since=NOON, rests_until=NOON, rest_seconds=60)
    gone = failing.disabled(DisabledReason.GONE)

    def status(endpoint: WebhookEndpoint, status: str) -> WebhookEndpoint:
        store = FakeWebhookStore(endpoint)
        return service_with(store).update(ADMIN, ENDPOINT.id, update(status=status), ANY)

    for endpoint in (failing, gone):
        assert status(endpoint, "active") == ENDPOINT._replace(version=2)
    assert status(failing, "disabled").disabled_reason is DisabledReason.ADMIN
    assert status(gone, "disabled") == gone
    assert status(ENDPOINT, "active") == ENDPOINT


def test_stale_precondition_changes_nothing() -> None:
    store, stale = FakeWebhookStore(ENDPOINT), Precondition(frozenset({'"7"'}))

    with pytest.raises(PreconditionFailed):
        service_with(store).update(ADMIN, ENDPOINT.id, update(description="B"), stale)
    with pytest.raises(PreconditionFailed):
        service_with(store).delete(ADMIN, ENDPOINT.id, stale)

    assert store.endpoints == {ENDPOINT.id: ENDPOINT}


def test_deleted_endpoint_is_gone() -> None:
    store = FakeWebhookStore(ENDPOINT)
    service = service_with(store)

    service.delete(ADMIN, ENDPOINT.id, Precondition(frozenset({'"1"'})))

    assert service.list(ADMIN) == []
    for missing in (
        lambda: service.read(ADMIN, ENDPOINT.id),
        lambda: service.delete(ADMIN, ENDPOINT.id, ANY),
        lambda: service.change_secret(ADMIN, ENDPOINT.id, 1, 0),
    ):
        with pytest.raises(NotFound):
            missing()


# Secrets


def test_next_secret_replaces_the_present_one_once() -> None:
    store = FakeWebhookStore(ENDPOINT)
    service = service_with(store)

    changed, secret = service.change_secret(ADMIN, ENDPOINT.id, 2, 3600)

    assert secret == text_of(ENDPOINT.id, 2)
    assert (changed.secret_version, changed.version) == (2, 2)
    assert changed.previous_secret_expires_at == NOON + timedelta(hours=1)
    # A repeated request, with another time, changes nothing.
    assert service.change_secret(ADMIN, ENDPOINT.id, 2, 0) == (changed, secret)
    assert service.change_secret(ADMIN, ENDPOINT.id, 3, 0)[0].previous_secret_expires_at is None


def test_concurrent_changes_of_a_secret_agree() -> None:
    store = FakeWebhookStore(ENDPOINT)
    first: list[tuple[WebhookEndpoint, str]] = []

    def meanwhile() -> None:
        first.append(service_with(store).change_secret(ADMIN, ENDPOINT.id, 2, 60))

    store.meanwhile = meanwhile
    second = service_with(store).change_secret(ADMIN, ENDPOINT.id, 2, 7200)

    assert second == first[0]


@pytest.mark.parametrize("version", [1, 4, 6, 999_999_999])
def test_other_versions_do_not_exist(version: int) -> None:
    endpoint = ENDPOINT._replace(secret_version=2 if version == 4 else 3)

    with pytest.raises(NotFound):
        service_with(FakeWebhookStore(endpoint)).change_secret(ADMIN, ENDPOINT.id, version, 0)


# Deliveries


def test_ping_is_a_delivery_that_is_due() -> None:
    store, queue = FakeWebhookStore(ENDPOINT), FakeWebhookQueue()

    delivery_id = deliveries_with(store, queue).request(ADMIN, ENDPOINT.id, None)

    row = store.rows[ENDPOINT.id, delivery_id]
    assert (row.status, row.next_attempt_at) == (DeliveryStatus.PENDING, NOON)
    event = json.loads(row.body)
    assert (event["type"], event["data"]) == ("webhook.ping", {"endpointId": ENDPOINT.id})
    assert event["id"] == row.event_id
    assert queue.redelivered == [(ENDPOINT.id, delivery_id)]


@pytest.mark.parametrize("status", DeliveryStatus)
def test_event_is_sent_again_from_the_first_try_on(status: DeliveryStatus) -> None:
    store, queue = FakeWebhookStore(ENDPOINT), FakeWebhookQueue()
    store.add_delivery(DELIVERY._replace(status=status, tries=4, next_attempt_at=None))

    delivery_id = deliveries_with(store, queue).request(ADMIN, ENDPOINT.id, DELIVERY.event_id)

    assert delivery_id == DELIVERY.id
    row = store.rows[ENDPOINT.id, DELIVERY.id]
    assert (row.status, row.tries, row.next_attempt_at) == (DeliveryStatus.PENDING, 0, NOON)
    assert row.body == DELIVERY.body
    assert queue.redelivered == [(ENDPOINT.id, DELIVERY.id)]


def test_redelivery_survives_a_concurrent_result() -> None:
    store = FakeWebhookStore(ENDPOINT)
    store.add_delivery(DELIVERY)
    delivered = DELIVERY._replace(status=DeliveryStatus.DELIVERED, next_attempt_at=None, version=2)
    key = (ENDPOINT.id, DELIVERY.id)
    store.meanwhile = lambda: store.rows.update({key: delivered})

    deliveries_with(store).request(ADMIN, ENDPOINT.id, DELIVERY.event_id)

    assert store.rows[key].status is DeliveryStatus.PENDING
    assert store.rows[key].version == 3


def test_redelivery_needs_an_active_endpoint_and_a_delivery() -> None:
    disabled = FakeWebhookStore(ENDPOINT.disabled(DisabledReason.ADMIN))
    with pytest.raises(InvalidTransition):
        deliveries_with(disabled).request(ADMIN, ENDPOINT.id, None)
    with pytest.raises(NotFound):
        deliveries_with(FakeWebhookStore(ENDPOINT)).request(ADMIN, ENDPOINT.id, new_id())
    with pytest.raises(NotFound):
        deliveries_with(FakeWebhookStore()).request(ADMIN, ENDPOINT.id, None)


def test_requests_are_limited() -> None:
    service = deliveries_with(store := FakeWebhookStore(ENDPOINT))
    for _ in range(MAX_REQUESTS_PER_MINUTE):
        service.request(ADMIN, ENDPOINT.id, None)

    with pytest.raises(TooManyRequests) as error:
        service.request(ADMIN, ENDPOINT.id, None)

    assert error.value.retry_after == 60
    assert len(store.rows) == MAX_REQUESTS_PER_MINUTE


def test_deliveries_are_listed_by_status() -> None:
    store = FakeWebhookStore(ENDPOINT)
    store.add_delivery(DELIVERY)

    def listed(**query: str) -> list[str]:
        asked = WebhookDeliveryListQuery.model_validate(query)
        return [it.id for it in deliveries_with(store).list(ADMIN, ENDPOINT.id, asked).items]

    assert listed() == listed(status="pending") == [DELIVERY.id]
    assert listed(status="failed") == []


# Access


@pytest.mark.parametrize(
    "act",
    [
        lambda s, _: s.create(ALICE, creation(), request()),
        lambda s, _: s.list(ALICE),
        lambda s, _: s.read(ALICE, ENDPOINT.id),
        lambda s, _: s.update(ALICE, ENDPOINT.id, update(), ANY),
        lambda s, _: s.delete(ALICE, ENDPOINT.id, ANY),
        lambda s, _: s.change_secret(ALICE, ENDPOINT.id, 1, 0),
        lambda _, d: d.list(ALICE, ENDPOINT.id, WebhookDeliveryListQuery()),
        lambda _, d: d.request(ALICE, ENDPOINT.id, None),
    ],
    ids=["create", "list", "read", "update", "delete", "secret", "deliveries", "request"],
)
def test_only_admins_have_access(
    act: Callable[[WebhookEndpointService, WebhookDeliveryService], object],
) -> None:
    store = FakeWebhookStore(ENDPOINT)

    with pytest.raises(Forbidden):
        act(service_with(store), deliveries_with(store))
    assert not store.writes
