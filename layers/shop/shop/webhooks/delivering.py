"""Deliveries: from an event to the receivers that want it, with retries and rests.

A first attempt is a message on the queue. What waits is a row, and a sweep each minute finds it: a
receiver that is down for days costs some rows and one probe per rest. An attempt has one write and
sends no message, so a crash before the write repeats it and none is lost.
"""

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol  # events are JSON
from uuid import UUID, uuid5

from shop import metrics
from shop.clock import Clock, to_epoch
from shop.email_queue import WEBHOOK_DISABLED
from shop.gather import MAX_THREADS, gather
from shop.observability import logger
from shop.retries import retry_stale
from shop.tracing import annotate, traced
from shop.webhooks.messages import message_of
from shop.webhooks.models import (
    Failure,
    Message,
    Outcome,
    WebhookDelivery,
    WebhookEndpoint,
)
from shop.webhooks.signing import signed_headers
from shop.webhooks.targets import InvalidTarget, Target, parse_target

TIMEOUT = 10.0  # seconds of an attempt
LEASE = timedelta(seconds=45)  # of a sweep: longer than the worker may run, and below a minute
SWEEP_SECONDS = 15.0  # after which a sweep starts no more attempts
_HEADERS = {"Content-Type": "application/json", "User-Agent": "shop-webhooks/1"}


class DeliveringStore(Protocol):
    def list(self) -> Sequence[WebhookEndpoint]: ...

    def get(self, endpoint_id: str) -> WebhookEndpoint | None: ...

    def save_state(self, before: WebhookEndpoint, after: WebhookEndpoint) -> None:
        """Write the changes; raise `StaleVersion`."""

    def lease_sweep(self, endpoint_id: str, now: datetime, until: datetime) -> bool: ...

    def release_sweep(self, endpoint_id: str, now: datetime) -> None: ...

    def get_delivery(self, endpoint_id: str, delivery_id: str) -> WebhookDelivery | None: ...

    def due(self, endpoint_id: str, after: str, now: datetime, limit: int) -> Sequence[str]:
        """Return positions of due deliveries, each with the id at its end."""

    def add_delivery(self, delivery: WebhookDelivery) -> bool:
        """Return False if the delivery exists."""

    def save_delivery(self, before: WebhookDelivery, after: WebhookDelivery) -> bool:
        """Return False if the delivery changed since it was read."""


class WebhookQueue(Protocol):
    def put(self, messages: Sequence[Message]) -> None: ...

    def sweep(self, endpoint_ids: Sequence[str]) -> None: ...


class EmailQueue(Protocol):
    def put(self, id_: str, type_: str, time: datetime, data: Mapping[str, str]) -> None: ...


class WebhookSender(Protocol):
    def post(
        self, target: Target, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> Outcome: ...


class WebhookDeliverer:
    def __init__(
        self,
        store: DeliveringStore,
        queue: WebhookQueue,
        emails: EmailQueue,
        sender: WebhookSender,
        secret_of: Callable[[str, int], bytes],
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._queue = queue
        self._emails = emails
        self._sender = sender
        self._secret_of = secret_of
        self._clock = clock
        self._monotonic = monotonic
        # Endpoints with failures that this sandbox recorded: a success has to end their count, also
        # if its attempt read the endpoint before them.
        self._failing: set[str] = set()

    def publish(self, event: Mapping[str, Any], may_be_known: bool) -> None:
        """Queue the first attempts of an event, one for each endpoint that wants it.

        `may_be_known` for an event that was received before, or that the archive replays: those
        that have a row are left out.
        """
        endpoints = [it for it in self._store.list() if it.wants(str(event["type"]))]
        messages = [message_of(it.id, event) for it in endpoints]
        known = [False] * len(messages)
        if may_be_known:
            known = gather([partial(self._is_known, it) for it in messages])
        ready: list[Message] = []
        for endpoint, message, is_known in zip(endpoints, messages, known, strict=True):
            if is_known:
                continue
            if endpoint.is_resting:
                self._wait(endpoint, message)
            else:
                ready.append(message)
        self._queue.put(ready)

    def attempt_first(self, message: Message, may_be_known: bool) -> None:
        """Make the first attempt, unless the endpoint is deleted, disabled or at rest."""
        endpoint = self._store.get(message.endpoint_id)
        if endpoint is None or not endpoint.is_active:
            return
        if may_be_known and self._is_known(message):
            return
        if endpoint.is_resting:
            self._wait(endpoint, message)
            return
        now = self._clock()
        self._attempt(
            endpoint, WebhookDelivery.of(message, now, due_at=now), self._store.add_delivery
        )

    def attempt_again(self, endpoint_id: str, delivery_id: str) -> None:
        """Attempt a delivery that is due; while the endpoint rests, a sweep will find it."""
        endpoint = self._store.get(endpoint_id)
        if endpoint is not None and endpoint.is_active and not endpoint.is_resting:
            self._attempt_due(endpoint, delivery_id)

    def start_sweeps(self) -> None:
        """Queue a sweep for each endpoint with due deliveries."""
        now = self._clock()
        ready = [it for it in self._store.list() if _accepts_attempts(it, now)]
        due = gather([partial(self._store.due, it.id, "", now, 1) for it in ready])
        self._queue.sweep([it.id for it, found in zip(ready, due, strict=True) if found])

    def sweep(self, endpoint_id: str) -> None:
        """Attempt the due deliveries of an endpoint: 8 at once, but one at the end of a rest.

        Only one sweep of an endpoint runs at a time. It queues another one for what it does not
        reach.
        """
        started, now = self._monotonic(), self._clock()
        if not self._store.lease_sweep(endpoint_id, now, now + LEASE):
            return
        # Beyond the last position, since the index may still show what was just attempted.
        position = ""
        while True:
            endpoint, now = self._store.get(endpoint_id), self._clock()
            if endpoint is None or not _accepts_attempts(endpoint, now):
                return
            limit = 1 if endpoint.is_resting else MAX_THREADS
            due = self._store.due(endpoint_id, position, now, limit)
            if not due:
                return
            if self._monotonic() - started > SWEEP_SECONDS:
                self._store.release_sweep(endpoint_id, now)
                self._queue.sweep([endpoint_id])
                return
            ids = [it.rpartition("#")[2] for it in due]
            gather([partial(self._attempt_due, endpoint, it) for it in ids])
            position = due[-1]

    def _attempt_due(self, endpoint: WebhookEndpoint, delivery_id: str) -> None:
        before = self._store.get_delivery(endpoint.id, delivery_id)
        if before is None or before.next_attempt_at is None:
            return
        if before.next_attempt_at <= self._clock():
            self._attempt(endpoint, before, partial(self._store.save_delivery, before))

    @traced("webhook")
    def _attempt(
        self,
        endpoint: WebhookEndpoint,
        delivery: WebhookDelivery,
        write: Callable[[WebhookDelivery], bool],
    ) -> None:
        """Send the event, and write the result of the attempt."""
        metrics.collect()
        host, outcome = self._send(endpoint, delivery)
        attempted = delivery.attempted(outcome, self._clock(), random.uniform(-1, 1))
        write(attempted)
        self._update_state(endpoint, host, outcome)
        metrics.count("WebhooksDelivered" if outcome.failure is None else "WebhooksRefused")
        annotate(host=host, receiver_status=outcome.status, failure=outcome.failure)
        # Without the URL, whose path may contain a token.
        logger().info(
            "webhook",
            endpoint_id=endpoint.id,
            delivery_id=delivery.id,
            host=host,
            status=outcome.status,
            failure=outcome.failure,
            attempt=attempted.tries,
            milliseconds=outcome.milliseconds,
            request_id=json.loads(delivery.body).get("correlationid"),
            **metrics.log_fields(),
        )

    def _send(self, endpoint: WebhookEndpoint, delivery: WebhookDelivery) -> tuple[str, Outcome]:
        """Return the host and the outcome."""
        now = self._clock()
        secrets = [self._secret_of(endpoint.id, it) for it in endpoint.secret_versions(now)]
        body = delivery.body.encode()
        signed = signed_headers(delivery.event_id, to_epoch(now), body, secrets)
        try:
            target = parse_target(endpoint.url)
        except InvalidTarget:
            # The rules of the deployment became stricter than those that the URL met.
            return "", Outcome(Failure.ADDRESS, None, 0)
        return target.host, self._sender.post(target, {**_HEADERS, **signed}, body, TIMEOUT)

    def _update_state(self, read: WebhookEndpoint, host: str, outcome: Outcome) -> None:
        """Record success or failure with the endpoint; no write for one that just succeeds."""
        known = None if read.id in self._failing else read
        is_success = outcome.failure is None

        def update() -> None:
            nonlocal known
            before, known = known or self._store.get(read.id), None  # read again on a retry
            if before is None or not before.is_active:
                return
            at = self._clock()
            after = before.recovered(at) if is_success else before.failed(outcome, at)
            if after == before:
                return
            if not after.is_active:
                self._announce(after, host)
            self._store.save_state(before, after)
            if not after.is_active:
                metrics.count("WebhookEndpointsDisabled")

        if not is_success:
            self._failing.add(read.id)
        retry_stale(update)
        if is_success:
            self._failing.discard(read.id)

    def _announce(self, disabled: WebhookEndpoint, host: str) -> None:
        """Request the email about a disabled endpoint. Before the write, so that none is lost.

        Concurrent attempts request the same one.
        """
        if disabled.created_by is not None:
            id_ = str(uuid5(UUID(disabled.id), f"disabled {disabled.version}"))
            reason = str(disabled.disabled_reason)
            data = {"userId": disabled.created_by, "host": host, "reason": reason}
            self._emails.put(id_, WEBHOOK_DISABLED, self._clock(), data)

    def _wait(self, endpoint: WebhookEndpoint, message: Message) -> None:
        """Write the row of a delivery that waits for the end of the rest."""
        now = self._clock()
        due_at = max(endpoint.rests_until or now, now)
        self._store.add_delivery(WebhookDelivery.of(message, now, due_at))

    def _is_known(self, message: Message) -> bool:
        return self._store.get_delivery(message.endpoint_id, message.delivery_id) is not None


def _accepts_attempts(endpoint: WebhookEndpoint, now: datetime) -> bool:
    """Return whether it is active, and not within a rest."""
    rests_until = endpoint.rests_until
    return endpoint.is_active and (rests_until is None or rests_until <= now)
