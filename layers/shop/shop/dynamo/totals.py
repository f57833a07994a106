"""Numbers of entities by status; each total is spread over several items of `counters`."""

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from shop.dynamo import actions, tables
from shop.dynamo.reads import batch_get
from shop.dynamo.sort_keys import shard_keys, shard_keys_to_write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Action

SCHEMA_VERSION = 1


def read(name: str, statuses: Sequence[str]) -> int:
    """Return the number of entities with these statuses.

    Half a read unit for each shard, however large the total is.
    """
    keys = [{"id": key} for key in shard_keys(name)]
    rows = batch_get({tables.counters(): keys}, is_consistent=False)[tables.counters()]
    return sum(int(row.get(status, 0)) for row in rows for status in statuses)


def add(name: str, differences: Mapping[str, int]) -> "Action":
    """Return the action that adds to the totals by status, in one of their items.

    `changes` counts these writes, so that a recount detects a concurrent one.
    """
    return actions.update(
        tables.counters(),
        {"id": random.choice(shard_keys_to_write(name))},
        adds={**differences, "changes": 1},
        sets={"schema_version": SCHEMA_VERSION},
    )
