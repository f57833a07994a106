"""The cost per million requests from their resource use, and their duration by memory size."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path

PRICES = Path(__file__).with_name("prices.json")

MILLION = 1_000_000
FULL_CORE = 1769  # MB, https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
ROUND_TRIP = 0.005  # assumed seconds of a DynamoDB call, beyond our own CPU
RATE = 50  # assumed requests per second of the stack, for the sampled share
COLD = 0.01  # of all calls, assumed; AWS reports fewer: https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/
REQUESTS_OF_MESSAGE = 3  # send, receive and delete
# Lambda's own lines at INFO, platform.start and platform.report, the latter with a trace.
LINES_OF_LAMBDA = 160 + 400
AROUND_LINE = 26  # bytes that CloudWatch bills in addition to each


@dataclass(frozen=True)
class Use:
    """Resource use of one invocation."""

    cpu: float  # seconds of a full core
    round_trips: int  # sequential
    reads: float  # units
    writes: float  # units
    log_bytes: float
    messages: int = 0
    events: int = 0


@dataclass(frozen=True)
class Prices:
    """Dollars per unit."""

    gateway_request: float
    lambda_request: float
    lambda_gb_second: float
    read_unit: float
    write_unit: float
    log_byte: float
    queue_request: float
    event: float
    trace: float


def prices() -> Prices:
    dollars: Mapping[str, float] = json.loads(PRICES.read_text())["dollars"]
    return Prices(**dollars)


def seconds(use: Use, memory: int) -> float:
    """Return the seconds of a run at this memory size.

    A share of a core stretches CPU time but no wait; one thread cannot use more than one core.
    """
    return use.cpu * slowness(memory) + use.round_trips * ROUND_TRIP


def slowness(memory: int) -> float:
    """Return the factor by which CPU time grows compared with a full core."""
    return FULL_CORE / min(memory, FULL_CORE)


def traced(rate: float) -> float:
    """Return the share of requests that X-Ray's default rule samples at this rate.

    It samples the first request of each second, and 5 % of the others.
    """
    return (1 + 0.05 * (rate - 1)) / rate if rate > 1 else 1.0


def of_lambda(use: Use, memory: int, price: Prices) -> float:
    """Return the dollars per million, billed by whole milliseconds."""
    billed = ceil(round(seconds(use, memory) * 1000, 6)) / 1000
    each = price.lambda_request + billed * memory / 1024 * price.lambda_gb_second
    return each * MILLION


def of_cold_start(init: float, first: float, use: Use, memory: int, price: Prices) -> float:
    """Return the dollars per million in addition to the warm cost.

    `init` has a full core at any size; the first request has the share of all requests.
    """
    more = init + max(first - use.cpu, 0) * slowness(memory)
    return more * memory / 1024 * price.lambda_gb_second * MILLION


def of_tables(use: Use, price: Prices) -> float:
    """Return the dollars per million."""
    return (use.reads * price.read_unit + use.writes * price.write_unit) * MILLION


def of_the_rest(use: Use, price: Prices) -> float:
    """Return the dollars per million for log lines, messages and events."""
    logged = use.log_bytes + LINES_OF_LAMBDA + 2 * AROUND_LINE
    queued = use.messages * REQUESTS_OF_MESSAGE * price.queue_request
    sent = queued + use.events * price.event
    return (logged * price.log_byte + sent) * MILLION


def of_invocation(use: Use, memory: int, price: Prices) -> float:
    """Return the dollars per million."""
    return of_lambda(use, memory, price) + of_tables(use, price) + of_the_rest(use, price)


def of_traces(price: Prices) -> float:
    """Return the dollars per million requests or batches, of which few are traced."""
    return traced(RATE) * price.trace * MILLION


def of_gateway(price: Prices, is_traced: bool) -> float:
    """Return the dollars per million, with the traces that it starts."""
    return price.gateway_request * MILLION + (of_traces(price) if is_traced else 0)
