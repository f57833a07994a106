"""How far a run has come: a row of `counters` for each segment, so that any machine may go on."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from shop.dynamo import tables
from shop.dynamo.codec import Item, decode, encode
from tools.tables.scan import Segment

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SCHEMA_VERSION = 1


class State:
    """Lost rows do no harm: the run begins again, and finds what it has done to need nothing."""

    def __init__(self, client: "DynamoDBClient", migration: int, segments: int) -> None:
        self._client = client
        self._migration = migration
        self._segments = segments

    def of(self, table: str, segment: Segment) -> tuple[bool, Item | None]:
        """Whether it is done, and else after which key to go on."""
        answer = self._client.get_item(
            TableName=tables.counters(), Key=self._key(table, segment), ConsistentRead=True
        )
        row = decode(answer.get("Item", {}))
        return bool(row) and row["after"] is None, row.get("after")

    def save(self, table: str, segment: Segment, after: Item | None) -> float:
        """All up to this key is done, or all there is; returns the units that it cost."""
        row = encode({"after": after, "schema_version": SCHEMA_VERSION})
        answer = self._client.put_item(
            TableName=tables.counters(),
            Item=self._key(table, segment) | row,
            ReturnConsumedCapacity="TOTAL",
        )
        return answer["ConsumedCapacity"]["CapacityUnits"]

    def forget(self, names: Iterable[str]) -> None:
        """All is done: the next run begins anew, for what was written meanwhile."""
        for table in names:
            for number in range(self._segments):
                key = self._key(table, Segment(number, self._segments))
                self._client.delete_item(TableName=tables.counters(), Key=key)

    def _key(self, table: str, segment: Segment) -> Item:
        # The number of segments too: others have other ends.
        part = f"{table}:{segment.number}/{segment.of}"
        return encode({"id": f"migration:{self._migration:04}:{part}"})
