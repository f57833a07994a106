"""Entities that lists show wrongly: what is wrong with each, and how it is put right."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING

from shop.clock import now
from shop.dynamo import actions, tables
from shop.projections.models import (
    SEARCH_WRITES_START_WITHIN,
    Deleted,
    Entity,
    Kind,
    Reading,
    State,
    Step,
)
from shop.projections.repository import ProjectionRepository, is_as_read, row_id, row_to_item
from shop.projections.service import MAX_ENTITIES, ProjectionService
from shop.retries import StaleVersion
from shop.search import grams_of
from tools.recount.census import SearchRow

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

type SearchRows = Mapping[str, Mapping[str, SearchRow]]

_BEFORE_EVERY_VERSION = 0


@dataclass(frozen=True)
class Fault:
    reading: Reading
    grams: Collection[str]  # under which the user is found now
    said: Sequence[str]

    def __str__(self) -> str:
        return f"{row_id(self.reading.entity)}: {', '.join(self.said)}"


def faults(entities: Collection[Entity], searched: SearchRows) -> Sequence[Fault]:
    """What is wrong with these, read anew and consistently, if anything still is."""
    found = []
    for chunk in batched(entities, MAX_ENTITIES, strict=False):
        for reading in _read(chunk):
            rows = searched.get(reading.entity.id, {})
            said = [*_wrong_with_row(reading), *_wrong_with_search(reading, rows)]
            if said:
                found.append(Fault(reading, rows.keys(), said))
    return found


def mend(client: "DynamoDBClient", found: Sequence[Fault]) -> Mapping[Entity, Exception]:
    """Makes each row say what search really has, at a version before every other, and projects.

    So it is the projector's own way, which minds others at the same entity: who read the row
    before this fails its condition and reads again. Returns what cannot be projected, with why.
    """
    unsettled = [fault.reading.entity for fault in found if _unsettle(client, fault)]
    return ProjectionService(ProjectionRepository()).project(unsettled)


def _unsettle(client: "DynamoDBClient", fault: Fault) -> bool:
    """Whether it is to be projected now; not where somebody else is at it: the next look tells."""
    reading = fault.reading
    direct = {gram for gram in fault.grams if not grams_of([gram])}  # no longer indexed
    if reading.state is None and not isinstance(reading.projected, State):
        direct = {*fault.grams}  # ids are not given twice, so nobody else puts these
    before = now() + SEARCH_WRITES_START_WITHIN
    ProjectionRepository().write_search(reading.entity, None, (), direct, before)
    try:
        if _has_no_owner(reading.entity):
            ProjectionRepository().advance([Step(reading, Deleted())])
            return False
        _set_back(client, reading, {*fault.grams} - direct)
    except (StaleVersion, client.exceptions.ConditionalCheckFailedException):
        return False
    return True


def _read(entities: Sequence[Entity]) -> Sequence[Reading]:
    repository = ProjectionRepository()
    # Of a row of an order that is nowhere the key is not known; and orders are never deleted.
    lost = [it for it in entities if _has_no_owner(it)]
    there = [it for it in entities if not _has_no_owner(it)]
    readings = repository.read(there) if there else []
    return [*readings, *map(repository.row, lost)]


def _has_no_owner(entity: Entity) -> bool:
    return entity.kind is Kind.ORDERS and entity.owner is None


def _wrong_with_row(reading: Reading) -> Sequence[str]:
    state, row = reading.state, reading.projected
    if state is None:
        if isinstance(row, State):
            return ["a row of what does not exist"]
        return ["deleted, with search writes that did not end"] if reading.writes else []
    if not isinstance(row, State):
        return ["no row" if row is None else "a row that calls it deleted"]
    said = []
    if row.version > state.version:
        said.append(f"row is at version {row.version} of {state.version}")
    if (row.status, *row.texts) != (state.status, *state.texts):
        said.append("row differs")
    return said


def _wrong_with_search(reading: Reading, rows: Mapping[str, SearchRow]) -> Sequence[str]:
    state = reading.state
    if reading.entity.kind is not Kind.USERS:
        return []
    expected = grams_of(state.texts) if state else frozenset()
    row = (tuple(state.texts), state.status) if state else None
    counted: Mapping[str, Collection[str]] = {
        "missing": expected - rows.keys(),
        "surplus": rows.keys() - expected,
        "stale": [gram for gram in expected & rows.keys() if rows[gram] != row],
    }
    return [f"{len(grams)} search rows {how}" for how, grams in counted.items() if grams]


def _set_back(client: "DynamoDBClient", reading: Reading, grams: set[str]) -> None:
    """Conditional on the row as it was read."""
    row = reading.projected
    if row is None and (reading.state is None or not grams):
        return
    if isinstance(row, Deleted):
        if reading.state is not None:
            key = {"id": row_id(reading.entity)}
            delete = actions.delete(tables.counters(), key, is_as_read(reading))
            client.delete_item(**delete["Delete"])
        return
    known = row or reading.state
    assert known is not None
    # The empty text, which has no trigrams, makes it differ from the entity in any case.
    texts = [*(row.texts if row else ()), *sorted(grams), ""]
    before = State(_BEFORE_EVERY_VERSION, known.status, texts)
    row_before = row_to_item(reading.entity, before, reading.writes)
    put = actions.put(tables.counters(), row_before, is_as_read(reading))
    client.put_item(**put["Put"])
