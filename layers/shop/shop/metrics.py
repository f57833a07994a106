"""What is counted where it happens, and told in the one log line that a request leaves anyway.

The line is in CloudWatch's embedded metric format, of which CloudWatch makes the metrics:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
Powertools' Metrics would print a second line for each request.
"""

import time
from contextvars import ContextVar
from typing import Any, Literal, NamedTuple  # the format is JSON

from shop.config import setting

# Few, and with few values of their dimensions: each of them costs by the month.
type Countable = Literal[
    "SignUps", "LogInsFailed", "LogInsThrottled", "RefreshReuse", "OrdersPlaced", "StockRefusals"
]
type Measurable = Literal["OrderValue", "Latency"]

_UNITS = {"OrderValue": "None", "Latency": "Milliseconds"}  # of the others, Count


class _Sample(NamedTuple):
    value: float
    dimensions: dict[str, str]


# None where nobody tells: who makes an admin is no sign-up of the shop's.
_collected: ContextVar[dict[str, _Sample] | None] = ContextVar("metrics", default=None)


def collect() -> None:
    """Begins anew: what is counted from now on is told together."""
    _collected.set({})


def count(name: Countable) -> None:
    collected = _collected.get()
    if collected is not None:
        before = collected[name].value if name in collected else 0
        collected[name] = _Sample(before + 1, {})


def measure(name: Measurable, value: float, **dimensions: str) -> None:
    """Once in a request; dimensions have few values: a route as declared, a currency's code."""
    collected = _collected.get()
    if collected is not None:
        collected[name] = _Sample(value, dimensions)


def log_fields() -> dict[str, Any]:
    """The members that the log line needs at its root: `_aws`, the values and the dimensions."""
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
