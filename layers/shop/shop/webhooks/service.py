"""The rules of webhook endpoints: admins create, change and delete them, and request deliveries."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from shop.caller import Caller, require
from shop.clock import Clock
from shop.errors import (
    Forbidden,
    InvalidTransition,
    LimitReached,
    NotFound,
    ServiceUnavailable,
    TooManyRequests,
)
from shop.http.response import Response
from shop.idempotency import IdempotentRequest, Record, Replayed
from shop.identifiers import NewId
from shop.pagination import IndexPage, PageRequest, PageResult
from shop.preconditions import Precondition
from shop.retries import StaleVersion, retry_stale
from shop.webhooks.messages import message_of
from shop.webhooks.models import (
    DeliveryStatus,
    DisabledReason,
    EndpointStatus,
    WebhookDelivery,
    WebhookEndpoint,
)
from shop.webhooks.signing import secret_text

if TYPE_CHECKING:
    from shop.webhooks.requests import (
        WebhookDeliveryListQuery,
        WebhookEndpointCreate,
        WebhookEndpointUpdate,
    )

type SecretOf = Callable[[str, int], bytes]


class WebhookEndpointStore(Protocol):
    """Every write raises `Forbidden` if `by_admin` is no active admin."""

    def find_record(self, idempotency_key: str | None) -> Record | None: ...

    def find_committed_record(self, idempotency_key: str | None) -> Record | None: ...

    def add(self, endpoint: WebhookEndpoint, record: Record | None, by_admin: str | None) -> None:
        """Write both; raise `LimitReached`, or `StaleVersion` if a record is in force."""

    def get(self, endpoint_id: str) -> WebhookEndpoint | None: ...

    def list(self) -> Sequence[WebhookEndpoint]:
        """Return all endpoints, oldest first."""

    def save(self, before: WebhookEndpoint, after: WebhookEndpoint, by_admin: str | None) -> None:
        """Write the changes; raise `StaleVersion`."""

    def delete(self, endpoint: WebhookEndpoint, by_admin: str | None) -> None:
        """Delete the endpoint; raise `StaleVersion`."""


class WebhookDeliveryStore(Protocol):
    def get(self, endpoint_id: str) -> WebhookEndpoint | None: ...

    def deliveries(
        self,
        endpoint_id: str,
        status: DeliveryStatus | None,
        page_request: PageRequest,
        is_descending: bool,
    ) -> IndexPage[WebhookDelivery]: ...

    def find_delivery(self, endpoint_id: str, event_id: str) -> WebhookDelivery | None: ...

    def add_delivery(self, delivery: WebhookDelivery) -> bool: ...

    def save_delivery(self, before: WebhookDelivery, after: WebhookDelivery) -> bool:
        """Return False if the delivery changed since it was read."""

    def count_request(self, endpoint_id: str, now: datetime) -> bool:
        """Return False above the limit of a minute."""


class RedeliveryQueue(Protocol):
    def redeliver(self, endpoint_id: str, delivery_id: str) -> None: ...


class WebhookEndpointService:
    def __init__(
        self, endpoints: WebhookEndpointStore, clock: Clock, new_id: NewId, secret_of: SecretOf
    ) -> None:
        self._endpoints = endpoints
        self._clock = clock
        self._new_id = new_id
        self._secret_of = secret_of

    def create(
        self, caller: Caller, payload: "WebhookEndpointCreate", idempotency: IdempotentRequest
    ) -> tuple[WebhookEndpoint, str]:
        """Create an endpoint; return it with its secret. Raise `LimitReached`.

        The recorded response has no secret, since records are stored: a replay derives it again.
        """
        require(caller.is_admin)
        self._replay(idempotency, self._endpoints.find_record(idempotency.key))
        now = self._clock()
        endpoint = WebhookEndpoint(
            id=self._new_id(),
            url=payload.url,
            description=payload.description,
            event_types=payload.event_types,
            status=EndpointStatus.ACTIVE,
            disabled_reason=None,
            secret_version=1,
            previous_secret_expires_at=None,
            failing_since=None,
            created_by=caller.admin_id,
            created_at=now,
            updated_at=now,
            version=1,
        )
        # Before the write, which would succeed without a response if the secret cannot be read.
        secret = self._secret_text(endpoint.id, 1)
        record = idempotency.response_record(endpoint)
        try:
            self._endpoints.add(endpoint, record, caller.admin_id)
        except (Forbidden, LimitReached, StaleVersion) as error:
            # An equal request may have created the endpoint since: replay its response.
            self._replay(idempotency, self._endpoints.find_committed_record(idempotency.key))
            if isinstance(error, StaleVersion):
                # The record expired between the write and the read.
                raise ServiceUnavailable(retry_after=1) from None
            raise
        return endpoint, secret

    def list(self, caller: Caller) -> Sequence[WebhookEndpoint]:
        require(caller.is_admin)
        return self._endpoints.list()

    def read(self, caller: Caller, endpoint_id: str) -> WebhookEndpoint:
        require(caller.is_admin)
        return self._get(endpoint_id)

    def update(
        self,
        caller: Caller,
        endpoint_id: str,
        payload: "WebhookEndpointUpdate",
        precondition: Precondition,
    ) -> WebhookEndpoint:
        """Change an endpoint. The status `active` also forgets its failures."""
        require(caller.is_admin)
        changes = payload.changes()
        status = changes.pop("status", None)

        def change(endpoint: WebhookEndpoint) -> WebhookEndpoint:
            precondition.check(endpoint.version)
            changed = endpoint._replace(**changes)
            if status is EndpointStatus.ACTIVE:
                return changed.activated()
            if status is EndpointStatus.DISABLED and endpoint.is_active:
                return changed.disabled(DisabledReason.ADMIN)
            return changed

        return self._change(caller, endpoint_id, change)

    def change_secret(
        self, caller: Caller, endpoint_id: str, version: int, keep_previous_for: int
    ) -> tuple[WebhookEndpoint, str]:
        """Make the next version the secret, or return the present one unchanged.

        The previous one signs too for `keep_previous_for` seconds. Safe to repeat. Raise `NotFound`
        for any other version.
        """
        require(caller.is_admin)

        def change(endpoint: WebhookEndpoint) -> WebhookEndpoint:
            if version == endpoint.secret_version:
                return endpoint
            if version != endpoint.secret_version + 1:
                raise NotFound
            expires_at = self._clock() + timedelta(seconds=keep_previous_for)
            return endpoint._replace(
                secret_version=version,
                previous_secret_expires_at=expires_at if keep_previous_for else None,
            )

        # Before the write: see `create`.
        secret = self._secret_text(endpoint_id, version)
        return self._change(caller, endpoint_id, change), secret

    def delete(self, caller: Caller, endpoint_id: str, precondition: Precondition) -> None:
        """Delete an endpoint; nothing is sent to it any more."""
        require(caller.is_admin)

        def delete() -> None:
            endpoint = self._get(endpoint_id)
            precondition.check(endpoint.version)
            self._endpoints.delete(endpoint, caller.admin_id)

        retry_stale(delete)

    def _change(
        self,
        caller: Caller,
        endpoint_id: str,
        change: Callable[[WebhookEndpoint], WebhookEndpoint],
    ) -> WebhookEndpoint:
        def save() -> WebhookEndpoint:
            endpoint = self._get(endpoint_id)
            changed = change(endpoint)
            if changed == endpoint:
                return endpoint
            changed = changed._replace(updated_at=self._clock(), version=endpoint.version + 1)
            self._endpoints.save(endpoint, changed, caller.admin_id)
            return changed

        return retry_stale(save)

    def _get(self, endpoint_id: str) -> WebhookEndpoint:
        endpoint = self._endpoints.get(endpoint_id)
        if endpoint is None:
            raise NotFound
        return endpoint

    def _secret_text(self, endpoint_id: str, version: int) -> str:
        return secret_text(self._secret_of(endpoint_id, version))

    def _replay(self, idempotency: IdempotentRequest, record: Record | None) -> None:
        """Raise `Replayed` with the secret that the record does not have."""
        try:
            idempotency.replay_if_recorded(record)
        except Replayed as replayed:
            status, headers, body = replayed.response
            fields = json.loads(body)
            fields["secret"] = self._secret_text(fields["id"], 1)
            text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
            raise Replayed(Response(status, headers, text)) from None


class WebhookDeliveryService:
    def __init__(
        self, deliveries: WebhookDeliveryStore, queue: RedeliveryQueue, clock: Clock, new_id: NewId
    ) -> None:
        self._deliveries = deliveries
        self._queue = queue
        self._clock = clock
        self._new_id = new_id

    def list(
        self, caller: Caller, endpoint_id: str, query: "WebhookDeliveryListQuery"
    ) -> PageResult[WebhookDelivery]:
        require(caller.is_admin)
        self._get(endpoint_id)
        name = f"webhook deliveries {endpoint_id}"
        page_request = query.page_request(name)
        page = self._deliveries.deliveries(
            endpoint_id, query.status, page_request, query.is_descending
        )
        return query.page_result(name, page, total=None)

    def request(self, caller: Caller, endpoint_id: str, event_id: str | None) -> str:
        """Send the event once more, or without one a ping; return the id of the delivery.

        Raise `NotFound` for an event without a delivery, `InvalidTransition` while the endpoint is
        disabled, and `TooManyRequests`.
        """
        require(caller.is_admin)
        if not self._get(endpoint_id).is_active:
            raise InvalidTransition("The endpoint is disabled. Activate it first.")
        now = self._clock()
        if not self._deliveries.count_request(endpoint_id, now):
            raise TooManyRequests(retry_after=60 - now.second)
        if event_id is None:
            # Imported here, since it loads pydantic, which reads and deletions do not need.
            from shop.events.schemas import WebhookPing

            ping = WebhookPing.of(self._new_id(), now, endpoint_id)
            message = message_of(endpoint_id, json.loads(ping.to_json()))
            delivery = WebhookDelivery.of(message, now, due_at=now)
            self._deliveries.add_delivery(delivery)
        else:
            delivery = retry_stale(lambda: self._make_due(endpoint_id, event_id))
        # If the message is lost, the next sweep finds the delivery.
        self._queue.redeliver(endpoint_id, delivery.id)
        return delivery.id

    def _make_due(self, endpoint_id: str, event_id: str) -> WebhookDelivery:
        before = self._deliveries.find_delivery(endpoint_id, event_id)
        if before is None:
            raise NotFound
        after = before.requested_again(self._clock())
        if not self._deliveries.save_delivery(before, after):
            raise StaleVersion
        return after

    def _get(self, endpoint_id: str) -> WebhookEndpoint:
        endpoint = self._deliveries.get(endpoint_id)
        if endpoint is None:
            raise NotFound
        return endpoint
