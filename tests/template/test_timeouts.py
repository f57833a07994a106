"""Timeouts: each callee times out before its caller."""

from typing import Any

import pytest

from shop import clients
from shop.deadline import RESPONSE_MARGIN
from shop.dynamo import transactions
from shop.events import service as publishing
from shop.mail.repository import LEASE_DURATION
from shop.mail.service import MIN_SEND_SECONDS
from tests.support.sam_template import functions, resources, template

FUNCTIONS = resources("AWS::Serverless::Function")
QUEUES = resources("AWS::SQS::Queue")
MAPPINGS = resources("AWS::Lambda::EventSourceMapping")
REQUEST: int = template()["Globals"]["Function"]["Timeout"]


def longest(client: Any) -> float:
    """Return the seconds of a call with both timeouts, connect and read, on every attempt."""
    config = client.meta.config
    tries: int = config.retries["total_max_attempts"]
    # Pauses of the SDK after errors other than throttling: 0.05 s, doubled each time.
    pauses = sum(0.05 * 2**number for number in range(tries - 1))
    return float(tries * (config.connect_timeout + config.read_timeout) + pauses)


def longest_throttled(client: Any) -> float:
    """Return the pauses of a call throttled on every attempt: 1 s, doubled each time."""
    tries: int = client.meta.config.retries["total_max_attempts"]
    return float(sum(2**number for number in range(tries - 1)))


ASKED_IN_REQUESTS = [clients.dynamodb, clients.parameters, clients.queues, clients.secrets]


@pytest.mark.parametrize("make", ASKED_IN_REQUESTS)
def test_single_hanging_call_fails_by_its_own_error_and_several_by_the_deadline(
    make: Any,
) -> None:
    assert longest(make()) < REQUEST - RESPONSE_MARGIN
    assert longest_throttled(make()) < (REQUEST - RESPONSE_MARGIN) / 2


def test_pre_traffic_check_outlasts_throttling_of_parallel_checks() -> None:
    asked = [clients.deployments()] * 3 + [clients.functions()] * 2
    pauses = [longest_throttled(client) for client in asked]

    assert min(pauses) >= 30
    assert sum(pauses) < FUNCTIONS["CheckBeforeTraffic"]["Timeout"]


def test_functions_with_a_route_have_one_timeout_below_the_gateways() -> None:
    for function in functions():
        if function.route:
            assert "Timeout" not in FUNCTIONS[function.name], function.name
    assert "Timeout" not in FUNCTIONS["Authorizer"]
    assert REQUEST <= 10 and 0.3 <= RESPONSE_MARGIN < 1
    # Less than the gateway's limit:
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
    assert 2 * REQUEST < 29


def test_conflicts_are_retried_for_half_a_request_at_most() -> None:
    assert transactions.MAX_RETRY_SECONDS <= (REQUEST - RESPONSE_MARGIN) * 0.6


def test_publisher_reports_pending_records_before_its_timeout() -> None:
    last_call = longest(clients.events())
    sets_aside = longest(clients.queues())

    assert (
        publishing.MAX_RETRY_SECONDS + last_call + sets_aside
        < FUNCTIONS["PublishEvents"]["Timeout"]
    )


def test_email_batch_ends_in_time_at_the_slowest_ses_response() -> None:
    (batch,) = (
        mapping["BatchSize"]
        for mapping in MAPPINGS.values()
        if "SendEmail" in str(mapping["FunctionName"])
    )

    assert batch * longest(clients.mail()) < FUNCTIONS["SendEmail"]["Timeout"]


def test_email_sending_leaves_time_for_its_mark() -> None:
    slowest = longest(clients.mail()) + longest(clients.dynamodb())

    assert slowest + RESPONSE_MARGIN <= MIN_SEND_SECONDS < FUNCTIONS["SendEmail"]["Timeout"]


def test_lease_outlasts_its_worker_and_ends_before_redelivery() -> None:
    claimed = LEASE_DURATION.total_seconds()

    assert FUNCTIONS["SendEmail"]["Timeout"] < claimed
    assert claimed < QUEUES["EmailsToSend"]["VisibilityTimeout"]


@pytest.mark.parametrize(
    ("worker", "queue"), [("SendEmail", "EmailsToSend"), ("StartProcessing", "OrdersToProcess")]
)
def test_message_is_redelivered_after_its_worker_has_ended(worker: str, queue: str) -> None:
    hidden, tries = QUEUES[queue]["VisibilityTimeout"], QUEUES[queue]["RedrivePolicy"]

    assert hidden >= 6 * FUNCTIONS[worker]["Timeout"]
    # An outage of 20 minutes dead-letters no message.
    assert hidden * (tries["maxReceiveCount"] - 1) >= 20 * 60
