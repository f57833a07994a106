"""Going through a table for a migration: looking, and changing beside live traffic."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any  # an item's values are of any type DynamoDB knows

from shop.dynamo.codec import Item, decode, encode
from tools.migrate.migration import Migration, Part
from tools.migrate.state import State
from tools.tables.progress import Progress
from tools.tables.rate import Rate
from tools.tables.scan import Segment, in_segments, pages

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_TRIES = 10  # for one item, against those who change it
_MAX_EXAMPLES = 3


class Contended(RuntimeError):
    """An item changed each time that it was about to be; run again."""


@dataclass
class Found:
    """What was seen of a table; of items only keys and names of attributes, no content."""

    table: str
    seen: int = 0
    needing: int = 0
    examples: list[str] = field(default_factory=list)


class Engine:
    def __init__(self, client: "DynamoDBClient", rate: Rate, segments: int) -> None:
        self._client = client
        self._rate = rate
        self._segments = segments
        self._counting = threading.Lock()

    def look(self, migration: Migration) -> Sequence[Found]:
        """Which items need it; writes nothing."""
        return [self._each(part, None) for part in migration.parts]

    def run(self, migration: Migration) -> Sequence[Found]:
        """Changes what needs it, from where a run that was stopped left off.

        Costs, for each item that needs it, 1 write unit for each KB of it and of each index that
        it moves in; and 1 read unit for each 4 KB of the table.
        """
        state = State(self._client, migration.number, self._segments)
        found = [self._each(part, state) for part in migration.parts]
        state.forget([part.table() for part in migration.parts])
        return found

    def _each(self, part: Part, state: State | None) -> Found:
        table = self._client.describe_table(TableName=part.table())["Table"]
        keys = [it["AttributeName"] for it in table["KeySchema"]]
        found = Found(part.table())

        def work(segment: Segment) -> None:
            after = None
            if state is not None:
                is_done, after = state.of(part.table(), segment)
                if is_done:
                    return
            for items, last in pages(self._client, part.table(), segment, self._rate, after):
                for item in items:
                    self._look_at(part, item, keys, found)
                    if state is not None:
                        self._change(part, item, keys)
                if state is not None:
                    self._rate.spend(state.save(part.table(), segment, last))
                progress.add(len(items))

        with Progress(part.table(), table["ItemCount"]) as progress:
            in_segments(self._segments, work, self._rate)
        return found

    def _look_at(self, part: Part, item: Item, keys: Sequence[str], found: Found) -> None:
        changes = part.changes(item)
        with self._counting:
            found.seen += 1
            if changes is not None:
                found.needing += 1
                if len(found.examples) < _MAX_EXAMPLES:
                    id_ = " ".join(str(item[key]) for key in keys)
                    found.examples.append(f"{id_}: {', '.join(sorted(changes))}")

    def _change(self, part: Part, item: Item, keys: Sequence[str]) -> None:
        """Sets what is missing if the item is still what that was worked out from.

        Its `version` stays, unless the migration changes what clients see.
        """
        client = self._client
        for _ in range(MAX_TRIES):
            changes = part.changes(item)
            if changes is None:
                return
            try:
                answer = client.update_item(
                    TableName=part.table(),
                    Key=encode({key: item[key] for key in keys}),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    ReturnConsumedCapacity="TOTAL",
                    **_update(item, changes, keys[0]),
                )
            except client.exceptions.ConditionalCheckFailedException as failed:
                self._rate.spend(1)
                response: Any = failed.response  # botocore's type does not know of the item
                if not response.get("Item"):
                    return  # deleted
                item = decode(response["Item"])
            else:
                self._rate.spend(answer["ConsumedCapacity"]["CapacityUnits"])
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
