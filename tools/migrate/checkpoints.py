"""Checkpoints of a run: one row of `counters` per segment, so any machine can continue it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from shop.dynamo import tables
from shop.dynamo.codec import Item, decode, encode
from tools.tables.scan import Segment

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SCHEMA_VERSION = 1


class Checkpoints:
    """Positions of a run. If rows are lost, the run restarts and skips migrated items."""

    def __init__(self, client: "DynamoDBClient", migration: int, segments: int) -> None:
        self._client = client
        self._migration = migration
        self._segments = segments

    def load(self, table: str, segment: Segment) -> tuple[bool, Item | None]:
        """Return whether the segment is done, otherwise the key to continue after."""
        response = self._client.get_item(
            TableName=tables.counters(), Key=self._key(table, segment), ConsistentRead=True
        )
        row = decode(response.get("Item", {}))
        return bool(row) and row["after"] is None, row.get("after")

    def save(self, table: str, segment: Segment, after: Item | None) -> float:
        """Record that all items up to this key, or all items, are done; return the write units."""
        row = encode({"after": after, "schema_version": SCHEMA_VERSION})
        response = self._client.put_item(
            TableName=tables.counters(),
            Item=self._key(table, segment) | row,
            ReturnConsumedCapacity="TOTAL",
        )
        return response["ConsumedCapacity"]["CapacityUnits"]

    def delete(self, names: Iterable[str]) -> None:
        """Delete all checkpoints, so the next run starts anew and finds items written meanwhile."""
        for table in names:
            for number in range(self._segments):
                key = self._key(table, Segment(number, self._segments))
                self._client.delete_item(TableName=tables.counters(), Key=key)

    def _key(self, table: str, segment: Segment) -> Item:
        # With the number of segments, since it determines where segments end.
        part = f"{table}:{segment.number}/{segment.of}"
        return encode({"id": f"migration:{self._migration:04}:{part}"})
