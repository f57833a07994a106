"""Batch reads: items of one or several tables in one request."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any  # keys and requests have any type DynamoDB has

from shop.clients import dynamodb
from shop.dynamo.codec import Item, decode, encode
from shop.errors import ServiceUnavailable

_TRIES = 4
_FIRST_PAUSE = 0.05  # seconds, before jitter


def batch_get(
    keys: Mapping[str, Sequence[Mapping[str, Any]]],
    pause: Callable[[float], None] = time.sleep,
    is_consistent: bool = True,
) -> dict[str, list[Item]]:
    """Return the existing items of at most 100 keys, by table, in no order.

    1 read unit for each 4 KB of each item; half of that for reads that are not consistent.
    DynamoDB may leave keys unprocessed under load, which the SDK does not retry. This function
    does, and raises `ServiceUnavailable` after the last try.
    """
    unprocessed: dict[str, Any] = {
        table: {"Keys": [encode(key) for key in listed], "ConsistentRead": is_consistent}
        for table, listed in keys.items()
        if listed
    }
    found: dict[str, list[Item]] = {table: [] for table in keys}
    for attempt in range(_TRIES):
        response = dynamodb().batch_get_item(RequestItems=unprocessed)
        for table, items in response["Responses"].items():
            found[table] += map(decode, items)
        if not response.get("UnprocessedKeys"):
            return found
        unprocessed = response["UnprocessedKeys"]
        pause(random.uniform(0, _FIRST_PAUSE * 2**attempt))
    raise ServiceUnavailable(retry_after=1)
