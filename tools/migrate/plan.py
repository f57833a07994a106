"""Upper bounds for the cost of a migration, from the table sizes.

DynamoDB updates these sizes every six hours.
"""

from collections.abc import Iterator
from math import ceil
from typing import TYPE_CHECKING

from tools.migrate.migration import Migration

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# On demand in us-east-1: https://aws.amazon.com/dynamodb/pricing/on-demand/
_DOLLARS_PER_READ, _DOLLARS_PER_WRITE = 0.125e-6, 0.625e-6
_KB = 1024


def plan(client: "DynamoDBClient", migration: Migration, rate: float) -> Iterator[str]:
    """Yield lines of text. The bounds assume that each item needs it and moves in each index."""
    yield f"Migration {migration.number}, {migration.title}; at most:"
    all_reads = all_writes = 0
    for part in migration.parts:
        table = client.describe_table(TableName=part.table())["Table"]
        items, size = table["ItemCount"], table["TableSizeBytes"]
        # A move in an index is a delete and a put.
        places = 1 + 2 * len(table.get("GlobalSecondaryIndexes", []))
        reads = ceil(size / (4 * _KB))
        writes = items * ceil(max(size, 1) / max(items, 1) / _KB) * places
        yield f"  {table['TableName']}: {items:,} items, {reads:,} read and {writes:,} write units"
        all_reads += reads
        all_writes += writes
    dollars = all_reads * _DOLLARS_PER_READ + all_writes * _DOLLARS_PER_WRITE
    hours = (all_reads + all_writes) / rate / 3600
    yield f"  ${dollars:,.2f} on demand in us-east-1"
    yield f"  {hours:,.1f} hours at {rate:g} units per second"
