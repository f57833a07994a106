"""Migration engine: preview and change the items of a table during live traffic."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any  # values of items have many types

from shop.dynamo.codec import Item, decode, encode
from tools.migrate.checkpoints import Checkpoints
from tools.migrate.migration import Migration, Part
from tools.tables.progress import Progress
from tools.tables.rate import Rate
from tools.tables.scan import Segment, in_segments, pages

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_ATTEMPTS = 10  # for one item that others change
_MAX_EXAMPLES = 3


class Contended(RuntimeError):
    """An item changed before every attempt to write it; run the migration again."""


@dataclass
class TableResult:
    """Counts of a table; examples contain keys and attribute names, no values."""

    table: str
    seen: int = 0
    pending: int = 0
    examples: list[str] = field(default_factory=list)


class Engine:
    def __init__(self, client: "DynamoDBClient", rate: Rate, segments: int) -> None:
        self._client = client
        self._rate = rate
        self._segments = segments
        self._counting = threading.Lock()

    def preview(self, migration: Migration) -> Sequence[TableResult]:
        """Count the items that need the migration; write nothing."""
        return [self._process_table(part, None) for part in migration.parts]

    def run(self, migration: Migration) -> Sequence[TableResult]:
        """Migrate all items that need it; continue after the position of a stopped run.

        Costs 1 read unit per 4 KB of the table, and per migrated item 1 write unit per KB of the
        item and of each index in which it moves.
        """
        checkpoints = Checkpoints(self._client, migration.number, self._segments)
        found = [self._process_table(part, checkpoints) for part in migration.parts]
        checkpoints.delete([part.table() for part in migration.parts])
        return found

    def _process_table(self, part: Part, checkpoints: Checkpoints | None) -> TableResult:
        table = self._client.describe_table(TableName=part.table())["Table"]
        keys = [it["AttributeName"] for it in table["KeySchema"]]
        found = TableResult(part.table())

        def work(segment: Segment) -> None:
            after = None
            if checkpoints is not None:
                is_done, after = checkpoints.load(part.table(), segment)
                if is_done:
                    return
            for items, last in pages(self._client, part.table(), segment, self._rate, after):
                for item in items:
                    self._count(part, item, keys, found)
                    if checkpoints is not None:
                        self._change(part, item, keys)
                if checkpoints is not None:
                    self._rate.spend(checkpoints.save(part.table(), segment, last))
                progress.add(len(items))

        with Progress(part.table(), table["ItemCount"]) as progress:
            in_segments(self._segments, work, self._rate)
        return found

    def _count(self, part: Part, item: Item, keys: Sequence[str], found: TableResult) -> None:
        changes = part.changes(item)
        with self._counting:
            found.seen += 1
            if changes is not None:
                found.pending += 1
                if len(found.examples) < _MAX_EXAMPLES:
                    id_ = " ".join(str(item[key]) for key in keys)
                    found.examples.append(f"{id_}: {', '.join(sorted(changes))}")

    def _change(self, part: Part, item: Item, keys: Sequence[str]) -> None:
        """Set the missing attributes, on the condition that the item did not change.

        Its `version` stays, unless the migration changes data that clients see.
        """
        client = self._client
        for _ in range(MAX_ATTEMPTS):
            changes = part.changes(item)
            if changes is None:
                return
            try:
                response = client.update_item(
                    TableName=part.table(),
                    Key=encode({key: item[key] for key in keys}),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    ReturnConsumedCapacity="TOTAL",
                    **_update(item, changes, keys[0]),
                )
            except client.exceptions.ConditionalCheckFailedException as failed:
                self._rate.spend(1)
                failure: Any = failed.response  # botocore's type omits the item
                if not failure.get("Item"):
                    return  # deleted
                item = decode(failure["Item"])
            else:
                self._rate.spend(response["ConsumedCapacity"]["CapacityUnits"])
                return
        raise Contended(" ".join(str(item[key]) for key in keys))


def _update(item: Item, changes: Item, key: str) -> dict[str, Any]:
    compared = {*changes, "version"}
    names = {f"#{name}": name for name in {*compared, key}}
    conditions = [f"attribute_exists(#{key})"] + [
        f"#{name} = :old_{name}" if name in item else f"attribute_not_exists(#{name})"
        for name in sorted(compared)
    ]
    values = {f":new_{name}": value for name, value in changes.items()}
    values |= {f":old_{name}": item[name] for name in compared if name in item}
    return {
        "UpdateExpression": "SET " + ", ".join(f"#{name} = :new_{name}" for name in changes),
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": encode(values),
    }
