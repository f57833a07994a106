"""Entities with wrong projections: find their problems and repair them."""

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
from tools.recount.scanner import SearchRow

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

type SearchRows = Mapping[str, Mapping[str, SearchRow]]

_OLDEST_VERSION = 0


@dataclass(frozen=True)
class Fault:
    reading: Reading
    grams: Collection[str]  # of the existing search rows
    problems: Sequence[str]

    def __str__(self) -> str:
        return f"{row_id(self.reading.entity)}: {', '.join(self.problems)}"


def find_faults(entities: Collection[Entity], search_rows: SearchRows) -> Sequence[Fault]:
    """Read these entities again, consistently, and return those that still have problems."""
    found = []
    for chunk in batched(entities, MAX_ENTITIES, strict=False):
        for reading in _read(chunk):
            rows = search_rows.get(reading.entity.id, {})
            problems = [*_row_problems(reading), *_search_problems(reading, rows)]
            if problems:
                found.append(Fault(reading, rows.keys(), problems))
    return found


def repair(client: "DynamoDBClient", found: Sequence[Fault]) -> Mapping[Entity, Exception]:
    """Reset each row to the actual search rows at the oldest version, then project it.

    The repair uses the projector, which handles concurrent changes of an entity: a writer that
    read the row before the reset fails its condition and reads again. Return the errors of
    entities that could not be projected.
    """
    prepared = [fault.reading.entity for fault in found if _prepare_repair(client, fault)]
    return ProjectionService(ProjectionRepository()).project(prepared)


def _prepare_repair(client: "DynamoDBClient", fault: Fault) -> bool:
    """Reset the row; return whether to project it now.

    False after a concurrent change, which the next pass checks.
    """
    reading = fault.reading
    direct = {gram for gram in fault.grams if not grams_of([gram])}  # no longer indexed
    if reading.state is None and not isinstance(reading.projected, State):
        direct = {*fault.grams}  # ids are unique, so no other writer puts these rows
    before = now() + SEARCH_WRITES_START_WITHIN
    ProjectionRepository().write_search(reading.entity, None, (), direct, before)
    try:
        if _is_ownerless_order(reading.entity):
            ProjectionRepository().advance([Step(reading, Deleted())])
            return False
        _reset_row(client, reading, {*fault.grams} - direct)
    except (StaleVersion, client.exceptions.ConditionalCheckFailedException):
        return False
    return True


def _read(entities: Sequence[Entity]) -> Sequence[Reading]:
    repository = ProjectionRepository()
    # The row of a lost order does not contain its key; orders are never deleted.
    ownerless = [it for it in entities if _is_ownerless_order(it)]
    readable = [it for it in entities if not _is_ownerless_order(it)]
    readings = repository.read(readable) if readable else []
    return [*readings, *map(repository.row, ownerless)]


def _is_ownerless_order(entity: Entity) -> bool:
    return entity.kind is Kind.ORDERS and entity.owner is None


def _row_problems(reading: Reading) -> Sequence[str]:
    state, row = reading.state, reading.projected
    if state is None:
        if isinstance(row, State):
            return ["a row without an entity"]
        return ["deleted, with unfinished search writes"] if reading.writes else []
    if not isinstance(row, State):
        return ["no row" if row is None else "a row marked as deleted"]
    problems = []
    if row.version > state.version:
        problems.append(f"row is at version {row.version} of {state.version}")
    if (row.status, *row.texts) != (state.status, *state.texts):
        problems.append("row differs")
    return problems


def _search_problems(reading: Reading, rows: Mapping[str, SearchRow]) -> Sequence[str]:
    state = reading.state
    if reading.entity.kind is not Kind.USERS:
        return []
    expected = grams_of(state.texts) if state else frozenset()
    row = (tuple(state.texts), state.status) if state else None
    grams_by_problem: Mapping[str, Collection[str]] = {
        "missing": expected - rows.keys(),
        "surplus": rows.keys() - expected,
        "stale": [gram for gram in expected & rows.keys() if rows[gram] != row],
    }
    return [f"{len(grams)} search rows {how}" for how, grams in grams_by_problem.items() if grams]


def _reset_row(client: "DynamoDBClient", reading: Reading, grams: set[str]) -> None:
    """Write the row, on the condition that it did not change since it was read."""
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
    # The empty text has no trigrams, and makes the row differ from every entity.
    texts = [*(row.texts if row else ()), *sorted(grams), ""]
    before = State(_OLDEST_VERSION, known.status, texts)
    row_before = row_to_item(reading.entity, before, reading.writes)
    put = actions.put(tables.counters(), row_before, is_as_read(reading))
    client.put_item(**put["Put"])
