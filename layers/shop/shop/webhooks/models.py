"""The models of webhooks: endpoints, deliveries, and the rules of their states."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

ALL_EVENTS = "*"

MAX_ENDPOINTS = 20
MAX_EVENT_TYPES = 20  # of an endpoint
MAX_ATTEMPTS_KEPT = 20  # of a delivery, the last ones
MAX_REQUESTS_PER_MINUTE = 60  # of redeliveries and pings, for each endpoint
DEFAULT_KEEP_PREVIOUS = 86_400  # seconds in which the previous secret signs too
MAX_KEEP_PREVIOUS = 604_800

# The waits before the 2nd to the 10th try: 75.6 hours
WAITS: Sequence[timedelta] = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
JITTER = 0.1  # of a wait, in both directions
MAX_RETRY_AFTER = timedelta(hours=1)  # beyond the wait

# The circuit breaker
FAILURES_BEFORE_REST = 5
MIN_REST, MAX_REST = timedelta(minutes=1), timedelta(minutes=15)
DISABLED_AFTER = timedelta(hours=72)  # of failures without a success
GONE = 410  # the status with which a receiver ends its endpoint


class Failure(StrEnum):
    DNS = "dns"  # the host has no address
    ADDRESS = "address"  # the host has an address that is not public
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"  # the response is not HTTP, or was cut off
    STATUS = "status"


class Outcome(NamedTuple):
    """The result of one request to a receiver."""

    failure: Failure | None
    status: int | None
    milliseconds: int
    retry_after: int | None = None  # seconds
    excerpt: str = ""  # of the body of a refusal


class EndpointStatus(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"


class DisabledReason(StrEnum):
    ADMIN = "admin"
    FAILING = "failing"
    GONE = "gone"


class WebhookEndpoint(NamedTuple):
    id: str
    url: str
    description: str | None
    event_types: Sequence[str]
    status: EndpointStatus
    disabled_reason: DisabledReason | None
    secret_version: int
    previous_secret_expires_at: datetime | None
    failing_since: datetime | None
    created_by: str | None  # an admin; None for an OAuth client that acts for itself
    created_at: datetime
    updated_at: datetime
    version: int
    # The state of the circuit breaker: neither shown nor part of the version
    failures: int = 0  # in a row
    rests_until: datetime | None = None  # set until a probe succeeds
    rest_seconds: int = 0

    @property
    def is_active(self) -> bool:
        return self.status is EndpointStatus.ACTIVE

    @property
    def is_resting(self) -> bool:
        """Whether only a probe may be sent: also after the end of a rest, until one succeeds."""
        return self.rests_until is not None

    def wants(self, event_type: str) -> bool:
        return self.is_active and bool({event_type, ALL_EVENTS} & {*self.event_types})

    def secret_versions(self, at: datetime) -> Sequence[int]:
        """Return the versions that sign, the present one first."""
        expires_at = self.previous_secret_expires_at
        has_previous = expires_at is not None and at < expires_at
        return [self.secret_version, self.secret_version - 1][: 1 + has_previous]

    def activated(self) -> "WebhookEndpoint":
        """Return it active, without its failures."""
        return self._replace(
            status=EndpointStatus.ACTIVE, disabled_reason=None, failing_since=None
        )._without_failures()

    def disabled(self, reason: DisabledReason) -> "WebhookEndpoint":
        return self._replace(
            status=EndpointStatus.DISABLED, disabled_reason=reason
        )._without_failures()

    def recovered(self, at: datetime) -> "WebhookEndpoint":
        """Return it after a success."""
        recovered = self._replace(failing_since=None)._without_failures()
        return recovered._changed_since(self, at)

    def failed(self, outcome: Outcome, at: datetime) -> "WebhookEndpoint":
        """Return it after a failure: it may start to rest, or be disabled."""
        if outcome.status == GONE:
            return self.disabled(DisabledReason.GONE)._changed_since(self, at)
        since = self.failing_since or at
        if at - since >= DISABLED_AFTER:
            return self.disabled(DisabledReason.FAILING)._changed_since(self, at)
        # Attempts that began before the rest neither count nor prolong it.
        if self.rests_until is not None and self.rests_until > at:
            return self
        failed = self._replace(failing_since=since, failures=self.failures + 1)
        if failed.failures >= FAILURES_BEFORE_REST:
            rest = min(max(timedelta(seconds=2 * self.rest_seconds), MIN_REST), MAX_REST)
            failed = failed._replace(rests_until=at + rest, rest_seconds=int(rest.total_seconds()))
        return failed._changed_since(self, at)

    def _without_failures(self) -> "WebhookEndpoint":
        return self._replace(failures=0, rests_until=None, rest_seconds=0)

    def _changed_since(self, before: "WebhookEndpoint", at: datetime) -> "WebhookEndpoint":
        """Raise the version if a field changed that responses show."""
        if self.failing_since == before.failing_since and self.status is before.status:
            return self
        return self._replace(version=before.version + 1, updated_at=at)


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Attempt(NamedTuple):
    at: datetime
    status: int | None
    failure: Failure | None
    milliseconds: int


class Message(NamedTuple):
    """An event for one endpoint, with the bytes that every attempt sends."""

    endpoint_id: str
    delivery_id: str
    event_id: str
    event_type: str
    body: str


class WebhookDelivery(NamedTuple):
    endpoint_id: str
    id: str
    event_id: str
    event_type: str
    body: str  # JSON
    status: DeliveryStatus
    attempts: Sequence[Attempt]
    tries: int  # since the event, or since the last request for a redelivery
    next_attempt_at: datetime | None
    response: str | None  # an excerpt of the last refusal
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, message: Message, at: datetime, due_at: datetime) -> "WebhookDelivery":
        """Return a delivery before its first attempt."""
        return cls(
            *message[:5],
            status=DeliveryStatus.PENDING,
            attempts=(),
            tries=0,
            next_attempt_at=due_at,
            response=None,
            created_at=at,
            updated_at=at,
            version=1,
        )

    @property
    def message(self) -> Message:
        return Message(self.endpoint_id, self.id, self.event_id, self.event_type, self.body)

    def attempted(self, outcome: Outcome, at: datetime, jitter: float) -> "WebhookDelivery":
        """Return it after an attempt; `jitter` from -1 to 1 spreads the next one."""
        attempt = Attempt(at, outcome.status, outcome.failure, outcome.milliseconds)
        attempted = self._replace(
            attempts=[*self.attempts, attempt][-MAX_ATTEMPTS_KEPT:],
            tries=self.tries + 1,
            updated_at=at,
            version=self.version + 1,
        )
        if outcome.failure is None:
            return attempted._replace(status=DeliveryStatus.DELIVERED, next_attempt_at=None)
        response = outcome.excerpt or None
        if self.tries >= len(WAITS):
            return attempted._replace(
                status=DeliveryStatus.FAILED, next_attempt_at=None, response=response
            )
        wait = WAITS[self.tries] * (1 + JITTER * jitter)
        if outcome.retry_after is not None:
            requested = timedelta(seconds=outcome.retry_after)
            wait = max(wait, min(requested, wait + MAX_RETRY_AFTER))
        return attempted._replace(next_attempt_at=at + wait, response=response)

    def requested_again(self, at: datetime) -> "WebhookDelivery":
        """Return it due now, from the first try on."""
        return self._replace(
            status=DeliveryStatus.PENDING,
            tries=0,
            next_attempt_at=at,
            updated_at=at,
            version=self.version + 1,
        )
