"""The schedule of deliveries, and the rests of endpoints."""

from datetime import datetime, timedelta

import pytest

from shop.webhooks.models import (
    DISABLED_AFTER,
    MAX_ATTEMPTS_KEPT,
    DeliveryStatus,
    DisabledReason,
    EndpointStatus,
    Failure,
    Outcome,
    WebhookDelivery,
    WebhookEndpoint,
)
from tests.support.fixtures import NOON
from tests.support.sample_items import webhook_delivery, webhook_endpoint

OK = Outcome(None, 200, 12)
REFUSED = Outcome(Failure.STATUS, 503, 12, excerpt="later")
GONE = Outcome(Failure.STATUS, 410, 12)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


# The schedule


def failed(delivery: WebhookDelivery, times: int, jitter: float = 0) -> list[datetime]:
    """Return the times of the attempts that follow, each at its time."""
    at, following = NOON, []
    for _ in range(times):
        delivery = delivery.attempted(REFUSED, at, jitter)
        if delivery.next_attempt_at is not None:
            at = delivery.next_attempt_at
            following.append(at)
    return following


def test_refused_delivery_is_tried_ten_times_in_75_hours() -> None:
    times = failed(webhook_delivery(), 10)

    waits = [(after - before) for before, after in zip([NOON, *times], times, strict=False)]
    assert waits == [
        *(MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR),
        *(10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR),
    ]
    assert times[-1] - NOON == timedelta(hours=75.6)


def test_delivery_fails_after_its_tenth_try() -> None:
    delivery = webhook_delivery()
    for number in range(10):
        assert delivery.status is DeliveryStatus.PENDING
        delivery = delivery.attempted(REFUSED, NOON + number * HOUR, 0)

    assert delivery.status is DeliveryStatus.FAILED
    assert delivery.next_attempt_at is None
    assert delivery.response == "later"
    assert [it.at for it in delivery.attempts] == [NOON + n * HOUR for n in range(10)]


@pytest.mark.parametrize(("jitter", "seconds"), [(-1, 54), (0, 60), (1, 66)])
def test_wait_has_ten_percent_of_jitter(jitter: float, seconds: int) -> None:
    [at] = failed(webhook_delivery(), 1, jitter)

    assert at - NOON == seconds * SECOND


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        (None, MINUTE),
        (0, MINUTE),
        (59, MINUTE),
        (61, 61 * SECOND),
        (3600, HOUR),
        (3660, HOUR + MINUTE),
        (999_999_999, HOUR + MINUTE),
    ],
)
def test_retry_after_delays_by_an_hour_at_most(retry_after: int | None, wait: timedelta) -> None:
    after = webhook_delivery().attempted(REFUSED._replace(retry_after=retry_after), NOON, 0)

    assert after.next_attempt_at == NOON + wait


def test_accepted_delivery_is_done() -> None:
    refused = webhook_delivery().attempted(REFUSED, NOON, 0)

    after = refused.attempted(OK, NOON + MINUTE, 0)

    assert after.status is DeliveryStatus.DELIVERED
    assert after.next_attempt_at is None
    assert after.response == "later"
    assert [it.status for it in after.attempts] == [503, 200]
    assert after.version == 3


def test_requested_delivery_starts_again_and_keeps_its_last_attempts() -> None:
    delivery = webhook_delivery()
    for _ in range(3):
        for _ in range(10):
            delivery = delivery.attempted(REFUSED, NOON, 0)
        assert delivery.status is DeliveryStatus.FAILED

        delivery = delivery.requested_again(NOON + HOUR)

        assert (delivery.status, delivery.tries) == (DeliveryStatus.PENDING, 0)
        assert delivery.next_attempt_at == NOON + HOUR
    assert len(delivery.attempts) == MAX_ATTEMPTS_KEPT


# The breaker


def after_failures(
    endpoint: WebhookEndpoint, number: int, at: datetime = NOON, outcome: Outcome = REFUSED
) -> WebhookEndpoint:
    for _ in range(number):
        endpoint = endpoint.failed(outcome, at)
    return endpoint


def test_endpoint_rests_after_five_failures_in_a_row() -> None:
    four = after_failures(webhook_endpoint(), 4)
    five = after_failures(webhook_endpoint(), 5)

    assert not four.is_resting
    assert (five.rests_until, five.rest_seconds) == (NOON + MINUTE, 60)
    assert not four.recovered(NOON).failed(REFUSED, NOON).is_resting


def test_rest_doubles_up_to_fifteen_minutes() -> None:
    endpoint, at = after_failures(webhook_endpoint(), 5), NOON
    rests = []
    for _ in range(7):
        assert endpoint.rests_until is not None
        rests.append((endpoint.rests_until - at).total_seconds() / 60)
        at = endpoint.rests_until
        endpoint = endpoint.failed(REFUSED, at)

    assert rests == [1, 2, 4, 8, 15, 15, 15]


def test_attempts_that_began_before_a_rest_do_not_prolong_it() -> None:
    resting = after_failures(webhook_endpoint(), 5)

    assert resting.failed(REFUSED, NOON + 59 * SECOND) == resting


def test_version_rises_only_with_what_responses_show() -> None:
    endpoint = webhook_endpoint()
    first = endpoint.failed(REFUSED, NOON + SECOND)

    assert (first.version, first.failing_since) == (2, NOON + SECOND)
    assert after_failures(first, 9, NOON + SECOND).version == 2
    assert first.recovered(NOON + MINUTE) == endpoint._replace(version=3, updated_at=NOON + MINUTE)
    assert endpoint.recovered(NOON + MINUTE) == endpoint


def test_endpoint_is_disabled_after_72_hours_without_a_success() -> None:
    failing = after_failures(webhook_endpoint(), 1)
    end = NOON + DISABLED_AFTER

    before, after = failing.failed(REFUSED, end - SECOND), failing.failed(REFUSED, end)

    assert before.is_active
    assert (after.status, after.disabled_reason) == (
        EndpointStatus.DISABLED,
        DisabledReason.FAILING,
    )
    assert (after.failing_since, after.version) == (NOON, 3)
    recovered = failing.recovered(end - SECOND)
    assert recovered.failed(REFUSED, end).is_active


@pytest.mark.parametrize("failures", [0, 4, 5])
def test_endpoint_that_is_gone_is_disabled_at_once(failures: int) -> None:
    endpoint = after_failures(webhook_endpoint(), failures)

    gone = endpoint.failed(GONE, NOON)

    assert gone.disabled_reason is DisabledReason.GONE
    assert gone.version == endpoint.version + 1


def test_activated_endpoint_has_no_failures() -> None:
    disabled = after_failures(webhook_endpoint(), 7).failed(GONE, NOON)

    activated = disabled.activated()

    assert activated.is_active and not activated.is_resting
    assert (activated.disabled_reason, activated.failing_since) == (None, None)
    assert (activated.failures, activated.rest_seconds) == (0, 0)


# Events and secrets


def test_endpoint_wants_its_types_while_active() -> None:
    some, all_ = webhook_endpoint(), webhook_endpoint(event_types=["*"])

    assert some.wants("order.placed") and not some.wants("user.deleted")
    assert all_.wants("order.placed") and all_.wants("later.type")
    assert not all_.disabled(DisabledReason.ADMIN).wants("order.placed")


def test_previous_secret_signs_until_it_expires() -> None:
    endpoint = webhook_endpoint(secret_version=3, previous_secret_expires_at=NOON)

    assert endpoint.secret_versions(NOON - SECOND) == [3, 2]
    assert endpoint.secret_versions(NOON) == [3]
    assert webhook_endpoint().secret_versions(NOON) == [1]
