"""Webhook endpoints and deliveries in memory, with the conditions of the table."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from shop.clock import to_text
from shop.errors import LimitReached
from shop.idempotency import Record
from shop.pagination import IndexPage, PageRequest
from shop.retries import StaleVersion
from shop.webhooks.models import (
    MAX_ENDPOINTS,
    MAX_REQUESTS_PER_MINUTE,
    DeliveryStatus,
    Message,
    Outcome,
    WebhookDelivery,
    WebhookEndpoint,
)
from shop.webhooks.targets import Target


class FakeWebhookStore:
    """`meanwhile` runs before each write, and once only."""

    def __init__(self, *endpoints: WebhookEndpoint) -> None:
        self.endpoints = {it.id: it for it in endpoints}
        self.rows: dict[tuple[str, str], WebhookDelivery] = {}
        self.records: dict[str, Record] = {}
        self.leases: dict[str, datetime] = {}
        self.requests = 0
        self.writes: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def find_record(self, idempotency_key: str | None) -> Record | None:
        return self.records.get(idempotency_key or "")

    def find_committed_record(self, idempotency_key: str | None) -> Record | None:
        return self.records.get(idempotency_key or "")

    def add(self, endpoint: WebhookEndpoint, record: Record | None, by_admin: str | None) -> None:
        self._happen()
        if record is not None and record.key in self.records:
            raise StaleVersion
        if len(self.endpoints) >= MAX_ENDPOINTS:
            raise LimitReached
        self.endpoints[endpoint.id] = endpoint
        if record is not None:
            self.records[record.key] = record

    def get(self, endpoint_id: str) -> WebhookEndpoint | None:
        return self.endpoints.get(endpoint_id)

    def list(self) -> Sequence[WebhookEndpoint]:
        return [*self.endpoints.values()]

    def save(self, before: WebhookEndpoint, after: WebhookEndpoint, by_admin: str | None) -> None:
        self.save_state(before, after)

    def save_state(self, before: WebhookEndpoint, after: WebhookEndpoint) -> None:
        self._happen()
        if self.endpoints.get(before.id) != before:
            raise StaleVersion
        self.endpoints[after.id] = after
        self.writes.append("endpoint")

    def delete(self, endpoint: WebhookEndpoint, by_admin: str | None) -> None:
        self._happen()
        if self.endpoints.get(endpoint.id) != endpoint:
            raise StaleVersion
        del self.endpoints[endpoint.id]

    def lease_sweep(self, endpoint_id: str, now: datetime, until: datetime) -> bool:
        if self.leases.get(endpoint_id, now) > now:
            return False
        self.leases[endpoint_id] = until
        return True

    def release_sweep(self, endpoint_id: str, now: datetime) -> None:
        self.leases[endpoint_id] = now

    def get_delivery(self, endpoint_id: str, delivery_id: str) -> WebhookDelivery | None:
        return self.rows.get((endpoint_id, delivery_id))

    def find_delivery(self, endpoint_id: str, event_id: str) -> WebhookDelivery | None:
        found = [it for it in self.rows.values() if it.endpoint_id == endpoint_id]
        return next((it for it in found if it.event_id == event_id), None)

    def deliveries(
        self,
        endpoint_id: str,
        status: DeliveryStatus | None,
        page_request: PageRequest,
        is_descending: bool,
    ) -> IndexPage[WebhookDelivery]:
        rows = [it for it in self.rows.values() if it.endpoint_id == endpoint_id]
        return IndexPage([it for it in rows if status in (None, it.status)], None)

    def due(self, endpoint_id: str, after: str, now: datetime, limit: int) -> Sequence[str]:
        positions = [
            f"{to_text(it.next_attempt_at)}#{it.id}"
            for it in self.rows.values()
            if it.endpoint_id == endpoint_id
            and it.next_attempt_at is not None
            and it.next_attempt_at <= now
        ]
        return sorted(it for it in positions if it > after)[:limit]

    def add_delivery(self, delivery: WebhookDelivery) -> bool:
        self._happen()
        key = (delivery.endpoint_id, delivery.id)
        if key in self.rows:
            return False
        self.rows[key] = delivery
        self.writes.append("delivery")
        return True

    def save_delivery(self, before: WebhookDelivery, after: WebhookDelivery) -> bool:
        self._happen()
        key = (before.endpoint_id, before.id)
        if self.rows.get(key) != before:
            return False
        self.rows[key] = after
        self.writes.append("delivery")
        return True

    def count_request(self, endpoint_id: str, now: datetime) -> bool:
        self.requests += 1
        return self.requests <= MAX_REQUESTS_PER_MINUTE

    def _happen(self) -> None:
        happens, self.meanwhile = self.meanwhile, lambda: None
        happens()


class FakeWebhookQueue:
    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.redelivered: list[tuple[str, str]] = []
        self.swept: list[str] = []

    def put(self, messages: Sequence[Message]) -> None:
        self.messages += messages

    def redeliver(self, endpoint_id: str, delivery_id: str) -> None:
        self.redelivered.append((endpoint_id, delivery_id))

    def sweep(self, endpoint_ids: Sequence[str]) -> None:
        self.swept += endpoint_ids


class FakeEmailQueue:
    def __init__(self) -> None:
        self.emails: dict[str, tuple[str, Mapping[str, str]]] = {}

    def put(self, id_: str, type_: str, time: datetime, data: Mapping[str, str]) -> None:
        self.emails[id_] = (type_, data)


class FakeSender:
    """A sender to one receiver, which gives its outcomes in turn, the last one from then on."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = [*outcomes]
        self.sent: list[tuple[Target, Mapping[str, str], bytes]] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def post(
        self, target: Target, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> Outcome:
        assert seconds == 10
        self.sent.append((target, headers, body))
        self.meanwhile()
        return self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
