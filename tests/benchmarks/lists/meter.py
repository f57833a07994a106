"""Read units and calls of the code, as DynamoDB Local reports them.

It omits two charges of AWS: half a unit for a query without results, and half a unit for a missing
key of BatchGetItem, or a whole one for a consistent read.
https://github.com/awslabs/amazon-dynamodb-local-samples/issues/7
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any  # Any: requests and responses in botocore's events

from shop.clients import dynamodb

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_READS = ("GetItem", "BatchGetItem", "Query", "Scan")


@dataclass
class Cost:
    units: float = 0.0
    calls: float = 0


@contextmanager
def metered_reads(client: "DynamoDBClient | None" = None) -> Iterator[Cost]:
    """Meter the code's own client, unless another is given."""
    cost = Cost()
    request: dict[str, Any] = {}
    one_at_a_time = Lock()  # the queries of a list run in parallel

    def request_capacity(params: dict[str, Any], **_: object) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"
        request.update(params)

    def count(model: Any, parsed: dict[str, Any], **_: object) -> None:
        consumed = parsed["ConsumedCapacity"]
        tables = consumed if isinstance(consumed, list) else [consumed]
        units = sum(table["CapacityUnits"] for table in tables)
        if model.name == "BatchGetItem":
            units += _missing(request, parsed)
        if model.name == "Query" and not units:
            units = 1.0 if request.get("ConsistentRead") else 0.5
        with one_at_a_time:
            cost.units += units
            cost.calls += 1

    events = (client or dynamodb()).meta.events
    for operation in _READS:
        events.register(f"provide-client-params.dynamodb.{operation}", request_capacity)
        events.register(f"after-call.dynamodb.{operation}", count)
    try:
        yield cost
    finally:
        for operation in _READS:
            events.unregister(f"provide-client-params.dynamodb.{operation}", request_capacity)
            events.unregister(f"after-call.dynamodb.{operation}", count)


@contextmanager
def counted_calls() -> Iterator[Counter[str]]:
    """Return the calls by operation."""
    calls: Counter[str] = Counter()

    def count(model: Any, **_: object) -> None:
        calls[model.name] += 1

    dynamodb().meta.events.register("after-call.dynamodb", count)
    try:
        yield calls
    finally:
        dynamodb().meta.events.unregister("after-call.dynamodb", count)


def _missing(request: dict[str, Any], parsed: dict[str, Any]) -> float:
    return sum(
        (len(request_keys["Keys"]) - len(parsed["Responses"].get(table, [])))
        * (1.0 if request_keys.get("ConsistentRead") else 0.5)
        for table, request_keys in request["RequestItems"].items()
    )
