"""Reads of several items at once, of several tables if need be."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any  # keys and requests are of any type DynamoDB knows

from shop.clients import dynamodb
from shop.dynamo.codec import Item, decode, encode
from shop.errors import ServiceUnavailable

_TRIES = 4
_FIRST_PAUSE = 0.05  # seconds, before jitter


def batch_get(
    keys: Mapping[str, Sequence[Mapping[str, Any]]],
    pause: Callable[[float], None] = time.sleep,
    consistent: bool = True,
) -> dict[str, list[Item]]:
    """The items that exist, by table and in no order.

    1 read unit for each 4 KB of each item; half of that where it need not be consistent.

    At most 100 keys. DynamoDB may leave some unread when it is busy, and the SDK does not ask
    again: this does, and raises `ServiceUnavailable` where some stay unread.
    """
    wanted: dict[str, Any] = {
        table: {"Keys": [encode(key) for key in listed], "ConsistentRead": consistent}
        for table, listed in keys.items()
        if listed
    }
    found: dict[str, list[Item]] = {table: [] for table in keys}
    for attempt in range(_TRIES):
        answer = dynamodb().batch_get_item(RequestItems=wanted)
        for table, items in answer["Responses"].items():
            found[table] += map(decode, items)
        if not answer.get("UnprocessedKeys"):
            return found
        wanted = answer["UnprocessedKeys"]
        pause(random.uniform(0, _FIRST_PAUSE * 2**attempt))
    raise ServiceUnavailable(retry_after=1)
