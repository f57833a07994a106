"""Keeping lists true: whatever a stream tells, however often and in whatever order.

A record says only which entity changed. The entity is read as it is now, and its row, which says
what totals and search know of it, is brought there in one transaction with the totals.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Protocol

from shop.errors import ServiceUnavailable
from shop.projections.models import Deleted, Entity, Reading, State
from shop.search import grams_of

AT_ONCE = 45  # two keys each are read, of BatchGetItem's 100
MOST_TRIES = 5


class Overtaken(Exception):
    """Somebody else projected one of the entities since it was read; nothing was written."""


class ProjectionStore(Protocol):
    def read(self, entities: Sequence[Entity]) -> Sequence[Reading]: ...

    def write_search(
        self, entity: Entity, state: State | None, put: Iterable[str], drop: Iterable[str]
    ) -> None:
        """The user's rows under some trigrams: as they are in this state, and gone."""

    def advance(self, readings: Sequence[Reading]) -> None:
        """The rows and the totals, all or nothing; raises `Overtaken`."""


@dataclass(frozen=True)
class Touched:
    """Trigrams whose rows were written, and what others had projected by then if it was that."""

    grams: frozenset[str]
    as_projected: State | Deleted | None


class ProjectionService:
    def __init__(self, store: ProjectionStore) -> None:
        self._store = store

    def project(self, entities: Iterable[Entity]) -> dict[Entity, Exception]:
        """Brings up all that it can, and returns those that it cannot, with why."""
        failed: dict[Entity, Exception] = {}
        for chunk in batched(dict.fromkeys(entities), AT_ONCE, strict=False):
            try:
                self._project(chunk)
            except Exception:
                for entity in chunk:
                    try:
                        self._project([entity])
                    except Exception as error:
                        failed[entity] = error
        return failed

    def _project(self, entities: Sequence[Entity]) -> None:
        touched: dict[Entity, Touched] = {}
        for _ in range(MOST_TRIES):
            readings = self._store.read(entities)
            # All of them, and not until the first that is.
            wrote = [self._search(reading, touched) for reading in readings]
            changed = [reading for reading in readings if not reading.is_projected]
            if not changed:
                if any(wrote):
                    # A third may have gone on while this was written.
                    continue
                return
            try:
                return self._store.advance(changed)
            except Overtaken:
                continue
        raise ServiceUnavailable(retry_after=1)

    def _search(self, reading: Reading, touched: dict[Entity, Touched]) -> bool:
        """Before the row advances, so that a crash between the two repeats this.

        What was touched for a state that somebody else overtook is put right with the next one.
        Whether anything was written.
        """
        last = touched.get(reading.entity)
        if reading.is_projected and (last is None or last.as_projected == reading.projected):
            return False
        again = last.grams if last else frozenset()
        before = reading.projected if isinstance(reading.projected, State) else None
        after = reading.state
        if isinstance(reading.projected, Deleted):
            after = None
        elif reading.is_projected:
            after = before
        old = grams_of(before.texts) if before else frozenset()
        new = grams_of(after.texts) if after else frozenset()
        is_same = before and after and (before.texts, before.status) == (after.texts, after.status)
        put = new & again if is_same else new
        drop = (old | again) - new
        as_projected = reading.projected if reading.is_projected else None
        touched[reading.entity] = Touched(again | put | drop, as_projected)
        self._store.write_search(reading.entity, after, put, drop)
        return True
