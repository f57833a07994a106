"""Projections in DynamoDB: a row for each entity beside the totals, and search rows of users."""

import random
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import batched
from typing import TYPE_CHECKING, Any  # an item's values are of any type DynamoDB knows

from shop.clients import dynamodb
from shop.clock import from_text, now, to_epoch, to_text
from shop.dynamo import actions, tables, totals, transactions
from shop.dynamo.actions import Condition, absent, all_of, equals
from shop.dynamo.codec import Item, encode
from shop.dynamo.reads import batch_get
from shop.errors import ServiceUnavailable
from shop.projections.models import Deleted, Entity, Kind, Reading, SearchWrite, State, Step
from shop.retries import StaleVersion
from shop.search import texts_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Action

SCHEMA_VERSION = 1
# Longer than a projector can run that read the entity before its deletion.
_DELETED_KEPT_FOR = timedelta(days=2)
_MAX_WRITES = 25  # BatchWriteItem's limit
_TRIES = 6
_FIRST_PAUSE = 0.05  # seconds, before jitter


class ProjectionRepository:
    def read(self, entities: Sequence[Entity]) -> Sequence[Reading]:
        """Read entities and their rows consistently.

        1 read unit for each 4 KB of an entity, and 1 for its row.
        """
        counters = tables.counters()
        keys: dict[str, list[Mapping[str, Any]]] = {
            counters: [{"id": row_id(entity)} for entity in entities]
        }
        for entity in entities:
            keys.setdefault(_table(entity.kind), []).append(_key(entity))
        found = batch_get(keys)
        rows = {item["id"]: item for item in found.pop(counters)}
        items = {(table, item["id"]): item for table in found for item in found[table]}
        return [
            _reading(
                entity,
                state_of(entity, items.get((_table(entity.kind), entity.id))),
                rows.get(row_id(entity)),
            )
            for entity in entities
        ]

    def row(self, entity: Entity) -> Reading:
        """Read the entity's projection only: 1 read unit."""
        table = tables.counters()
        found = batch_get({table: [{"id": row_id(entity)}]})[table]
        return _reading(entity, None, found[0] if found else None)

    def write_search(
        self,
        entity: Entity,
        state: State | None,
        put: Iterable[str],
        drop: Iterable[str],
        before: datetime,
    ) -> None:
        """Put and delete search rows of a user. 1 write unit for each trigram."""
        writes: list[Any] = [
            {"DeleteRequest": {"Key": encode({"gram": gram, "user_id": entity.id})}}
            for gram in drop
        ]
        if state is not None:
            rows = search_attributes(entity.id, state, put)
            writes += [{"PutRequest": {"Item": row}} for row in rows]
        for chunk in batched(writes, _MAX_WRITES, strict=False):
            _write_all(tables.search(), chunk, before)

    def settle(self, step: Step, left: Sequence[SearchWrite]) -> None:
        """Reduce the row's recorded writes to those in `left`. 1 write unit."""
        written = Reading(step.reading.entity, None, step.target, step.writes)
        update = actions.update(
            tables.counters(),
            {"id": row_id(step.reading.entity)},
            is_as_read(written),
            sets={"search_writes": _to_items(left)} if left else None,
            removes=() if left else ("search_writes",),
        )
        try:
            dynamodb().update_item(**update["Update"])
        except dynamodb().exceptions.ConditionalCheckFailedException:
            raise StaleVersion from None

    def advance(self, steps: Sequence[Step]) -> None:
        """Write the rows of the targets, and add their differences to the totals.

        2 write units for each entity, and 2 for each kind whose totals change.
        """
        changes = {row_id(step.reading.entity): _put(step) for step in steps}
        for kind in Kind:
            differences: Counter[str] = Counter()
            for step in steps:
                if step.reading.entity.kind is kind:
                    if isinstance(step.reading.projected, State):
                        differences[step.reading.projected.status] -= 1
                    if isinstance(step.target, State):
                        differences[step.target.status] += 1
            changed = {status: count for status, count in differences.items() if count}
            if changed:
                changes[kind] = totals.add(kind, changed)
        try:
            transactions.write(changes)
        except transactions.ConditionFailed:
            raise StaleVersion from None


def _write_all(table: str, writes: Sequence[Any], before: datetime) -> None:
    unprocessed = {table: [*writes]}
    for attempt in range(_TRIES):
        if now() > before:
            break
        response = dynamodb().batch_write_item(RequestItems=unprocessed)
        unprocessed = response["UnprocessedItems"]
        if not unprocessed:
            return
        time.sleep(random.uniform(0, _FIRST_PAUSE * 2**attempt))
    raise ServiceUnavailable(retry_after=1)


def _put(step: Step) -> "Action":
    """Put the row of the step's target, if the row has not changed since it was read."""
    state = step.target if isinstance(step.target, State) else None
    row = row_to_item(step.reading.entity, state, step.writes)
    return actions.put(tables.counters(), row, is_as_read(step.reading))


def is_as_read(reading: Reading) -> Condition:
    """Return the condition that the entity's row has not changed since it was read."""
    if reading.projected is None:
        return absent("id")
    is_same = equals(deleted=True)
    if isinstance(reading.projected, State):
        is_same = equals(version=reading.projected.version)
    if not reading.writes:
        return all_of(is_same, absent("search_writes"))
    # Writer ids are unique, and one writer records at most one write in a millisecond.
    newest = reading.writes[0]
    has_newest_write = equals(
        **{
            "search_writes[0].writer": newest.writer,
            "search_writes[0].until": to_text(newest.until),
        }
    )
    return all_of(is_same, has_newest_write)


def row_to_item(entity: Entity, state: State | None, writes: Sequence[SearchWrite] = ()) -> Item:
    """Return the projection row of an entity; without a state, of a deleted one."""
    row: Item = {"id": row_id(entity), "schema_version": SCHEMA_VERSION}
    if writes:
        row["search_writes"] = _to_items(writes)
    if state is None:
        return row | {"deleted": True, "ttl": to_epoch(now() + _DELETED_KEPT_FOR)}
    return row | {"version": state.version, "status": state.status, "texts": [*state.texts]}


def _to_items(writes: Iterable[SearchWrite]) -> list[Item]:
    return [
        {"writer": write.writer, "until": to_text(write.until), "texts": [*write.texts]}
        for write in writes
    ]


def search_attributes(user_id: str, state: State, grams: Iterable[str]) -> Iterable[Any]:
    """Return the user's search rows of these trigrams, encoded.

    Encoded once, because the rows are many and differ in the trigram only.
    """
    row: Item = {"user_id": user_id, "schema_version": SCHEMA_VERSION}
    row |= {"texts": [*state.texts], "status": state.status}
    common = encode(row)
    return (common | {"gram": {"S": gram}} for gram in grams)


def _table(kind: Kind) -> str:
    return {Kind.USERS: tables.users, Kind.ORDERS: tables.orders, Kind.PRODUCTS: tables.products}[
        kind
    ]()


def _key(entity: Entity) -> Mapping[str, str]:
    return {"id": entity.id} | ({"user_id": entity.owner} if entity.owner else {})


def row_id(entity: Entity) -> str:
    return f"{entity.kind}:{entity.id}"


def state_of(entity: Entity, item: Item | None) -> State | None:
    if item is None:
        return None
    texts = texts_of(item["name"], item["email"]) if entity.kind is Kind.USERS else ()
    return State(int(item["version"]), item["status"], texts)


def _reading(entity: Entity, state: State | None, row: Item | None) -> Reading:
    return Reading(entity, state, as_projected(row), search_writes_of(row))


def search_writes_of(row: Item | None) -> Sequence[SearchWrite]:
    """Return the search writes that an entity's row records."""
    return [
        SearchWrite(it["writer"], from_text(it["until"]), tuple(it["texts"]))
        for it in (row or {}).get("search_writes", ())
    ]


def as_projected(row: Item | None) -> State | Deleted | None:
    if row is None:
        return None
    if row.get("deleted"):
        return Deleted()
    return State(int(row["version"]), row["status"], tuple(row["texts"]))
