"""Metrics: collected during a request or an attempt, and emitted in its one log line.

The line is in the embedded metric format, from which CloudWatch extracts the metrics:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
Powertools' Metrics would print a second line for each request.
"""

import time
from contextvars import ContextVar
from typing import Any, Literal, NamedTuple  # the format is JSON

from shop.config import setting

# Few metrics with few dimension values: each combination is billed per month.
type Countable = Literal[
    "SignUps",
    "LogInsFailed",
    "LogInsThrottled",
    "WrongCodes",
    "PasskeysAdded",
    "PasskeyLogIns",
    "PasskeysCopied",
    "RefreshReuse",
    "OrdersPlaced",
    "StockRefusals",
    "CodesReplayed",
    "OAuthRefreshReuse",
    "ClientsRefused",
    "WebhooksDelivered",
    "WebhooksRefused",
    "WebhookEndpointsDisabled",
]
type Measurable = Literal["OrderValue", "Latency"]

_UNITS = {"OrderValue": "None", "Latency": "Milliseconds"}  # default: Count


class _Sample(NamedTuple):
    value: float
    dimensions: dict[str, str]


# None outside an HTTP request, so operator actions are not counted as sign-ups.
_collected: ContextVar[dict[str, _Sample] | None] = ContextVar("metrics", default=None)


def collect() -> None:
    """Start collecting the metrics of a request."""
    _collected.set({})


def count(name: Countable) -> None:
    collected = _collected.get()
    if collected is not None:
        before = collected[name].value if name in collected else 0
        collected[name] = _Sample(before + 1, {})


def measure(name: Measurable, value: float, **dimensions: str) -> None:
    """Set a value once per request. Dimensions have few values: a route or a currency code."""
    collected = _collected.get()
    if collected is not None:
        collected[name] = _Sample(value, dimensions)


def log_fields() -> dict[str, Any]:
    """Return the fields for the root of the log line: `_aws`, the values and the dimensions."""
    directives: dict[tuple[str, ...], dict[str, Any]] = {}
    members: dict[str, Any] = {}
    for name, (value, dimensions) in (_collected.get() or {}).items():
        key = tuple(dimensions)
        if key not in directives:
            directives[key] = {
                "Namespace": setting("METRICS_NAMESPACE"),
                "Dimensions": [key],
                "Metrics": [],
            }
        directives[key]["Metrics"].append({"Name": name, "Unit": _UNITS.get(name, "Count")})
        members[name] = value
        members |= dimensions
    now = int(time.time() * 1000)
    aws = {"Timestamp": now, "CloudWatchMetrics": list(directives.values())}
    return {"_aws": aws, **members}
