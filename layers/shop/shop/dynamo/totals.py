"""How many entities there are by status, each total spread over some rows of `counters`."""

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from shop.dynamo import tables
from shop.dynamo.codec import encode
from shop.dynamo.reads import batch_get
from shop.dynamo.sort_keys import shard_keys, shard_keys_to_write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

SCHEMA_VERSION = 1


def read(name: str, statuses: Sequence[str]) -> int:
    """Half a read unit for each shard, whatever the total."""
    keys = [{"id": key} for key in shard_keys(name)]
    rows = batch_get({tables.counters(): keys}, consistent=False)[tables.counters()]
    return sum(int(row.get(status, 0)) for row in rows for status in statuses)


def add(name: str, differences: Mapping[str, int]) -> "TransactWriteItemTypeDef":
    """The action that adds to the totals by status, in one of their rows."""
    statuses = list(differences)
    added = ", ".join(f"#{number} :{number}" for number in range(len(statuses)))
    names = {f"#{number}": status for number, status in enumerate(statuses)}
    values = {f":{number}": differences[status] for number, status in enumerate(statuses)}
    # Who counts anew can tell by the changes whether it had the totals to itself.
    values |= {":schema": SCHEMA_VERSION, ":one": 1}
    return {
        "Update": {
            "TableName": tables.counters(),
            "Key": encode({"id": random.choice(shard_keys_to_write(name))}),
            "UpdateExpression": f"ADD {added}, changes :one SET schema_version = :schema",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": encode(values),
        }
    }
