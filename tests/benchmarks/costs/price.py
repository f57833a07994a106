"""From what a request takes to what a million of them cost, and how long one takes by memory."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path

PRICES = Path(__file__).with_name("prices.json")

MILLION = 1_000_000
FULL_CORE = 1769  # MB, https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
ROUND_TRIP = 0.005  # seconds that a call of DynamoDB is assumed to take, beyond our own CPU
TRACED = 0.05  # of all requests, by X-Ray's rule where there is no other
# What Lambda writes itself at INFO, platform.start and platform.report, the latter with a trace.
LINES_OF_LAMBDA = 160 + 400
AROUND_LINE = 26  # bytes that CloudWatch bills beside each


@dataclass(frozen=True)
class Use:
    """What one invocation takes."""

    cpu: float  # seconds of a full core
    round_trips: int  # one after the other
    reads: float  # units
    writes: float  # units
    log_bytes: float
    messages: int = 0
    events: int = 0


@dataclass(frozen=True)
class Prices:
    """In dollars, each of one."""

    gateway_request: float
    lambda_request: float
    lambda_gb_second: float
    read_unit: float
    write_unit: float
    log_byte: float
    queue_message: float
    event: float
    trace: float


def prices() -> Prices:
    dollars: Mapping[str, float] = json.loads(PRICES.read_text())["dollars"]
    return Prices(**dollars)


def seconds(use: Use, memory: int) -> float:
    """A share of a core makes each second of CPU longer, and no wait; more than one core is of no
    use to one thread.
    """
    return use.cpu * FULL_CORE / min(memory, FULL_CORE) + use.round_trips * ROUND_TRIP


def of_lambda(use: Use, memory: int, price: Prices) -> float:
    """Dollars for a million, billed by whole milliseconds."""
    billed = ceil(round(seconds(use, memory) * 1000, 6)) / 1000
    each = price.lambda_request + billed * memory / 1024 * price.lambda_gb_second
    return each * MILLION


def of_tables(use: Use, price: Prices) -> float:
    """Dollars for a million."""
    return (use.reads * price.read_unit + use.writes * price.write_unit) * MILLION


def of_the_rest(use: Use, price: Prices) -> float:
    """Dollars for a million: log lines, messages and events."""
    logged = use.log_bytes + LINES_OF_LAMBDA + 2 * AROUND_LINE
    sent = use.messages * price.queue_message + use.events * price.event
    return (logged * price.log_byte + sent) * MILLION


def of_invocation(use: Use, memory: int, price: Prices) -> float:
    """Dollars for a million."""
    return of_lambda(use, memory, price) + of_tables(use, price) + of_the_rest(use, price)


def of_gateway(price: Prices) -> float:
    """Dollars for a million, with the traces that it begins."""
    return (price.gateway_request + TRACED * price.trace) * MILLION
