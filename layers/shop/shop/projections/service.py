"""Projections: keep totals and search rows current, for any order and repetition of stream records.

A stream record only names the entity that changed. The current entity is read, and its projection
row, which holds the state that totals and search show, is updated in one transaction with the
totals. The row also records the search writes that are about to start, until they are settled.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import batched
from typing import Protocol

from shop.clock import Clock, now
from shop.errors import ServiceUnavailable
from shop.identifiers import new_id
from shop.projections.models import (
    SEARCH_WRITES_END_WITHIN,
    SEARCH_WRITES_START_WITHIN,
    Deleted,
    Entity,
    Reading,
    SearchWrite,
    State,
    Step,
)
from shop.retries import StaleVersion
from shop.search import grams_of

MAX_ENTITIES = 45  # of one read: each takes two keys, and BatchGetItem's limit is 100
MAX_TRIES = 5
# Texts that a row records, of at most 0.5 KB each: an item holds 400 KB.
MAX_RECORDED_TEXTS = 100


class ProjectionStore(Protocol):
    def read(self, entities: Sequence[Entity]) -> Sequence[Reading]: ...

    def advance(self, steps: Sequence[Step]) -> None:
        """Write rows and totals in one transaction; raise `StaleVersion` if a row has changed."""

    def write_search(
        self,
        entity: Entity,
        state: State | None,
        put: Iterable[str],
        drop: Iterable[str],
        before: datetime,
    ) -> None:
        """Put the user's rows of the trigrams in `put`, with this state; delete those in `drop`.

        Raise `ServiceUnavailable` instead of starting a call after `before`.
        """

    def settle(self, step: Step, left: Sequence[SearchWrite]) -> None:
        """Reduce the row's recorded writes to those in `left`; raise `StaleVersion`."""


class ProjectionService:
    def __init__(
        self,
        store: ProjectionStore,
        clock: Clock = now,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._clock = clock
        self._pause = pause
        # A process projects one entity at a time, so its own earlier writes have ended.
        self._writer = new_id()

    def project(self, entities: Iterable[Entity]) -> dict[Entity, Exception]:
        """Project all entities; return those that failed, each with its error."""
        failed: dict[Entity, Exception] = {}
        for chunk in batched(dict.fromkeys(entities), MAX_ENTITIES, strict=False):
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
        # Older code puts rows without recorded writes, so unsettled writes are also kept here.
        unsettled: dict[Entity, SearchWrite] = {}
        for _ in range(MAX_TRIES):
            readings = self._store.read(entities)
            steps = [self._step(it, unsettled.get(it.entity)) for it in readings]
            changed = [step for step in steps if step is not None]
            awaited: list[datetime] = []
            try:
                if changed:
                    self._store.advance(changed)
                unsettled |= {it.reading.entity: it.writes[0] for it in changed if it.writes}
                for step in changed:
                    if step.writes:
                        self._search(step)
                        del unsettled[step.reading.entity]
                        if isinstance(step.target, Deleted):
                            # No later projection deletes rows that others write meanwhile.
                            awaited += [it.until for it in step.writes[1:]]
            except StaleVersion:
                continue
            if all(step.is_last for step in changed) and not awaited:
                return
            if awaited:
                self._pause(max((max(awaited) - self._clock()).total_seconds(), 0))
        raise ServiceUnavailable(retry_after=1)

    def _step(self, reading: Reading, unsettled: SearchWrite | None) -> Step | None:
        """Return the step that projects an entity, or None if it is projected."""
        recorded = [*reading.writes, *([unsettled] if unsettled else [])]
        if reading.is_projected and not recorded:
            return None
        before = reading.projected
        target: State | Deleted = reading.state or Deleted()
        texts = [text for write in recorded for text in write.texts]
        if before is not None and (reading.is_projected or len({*texts}) > MAX_RECORDED_TEXTS):
            target = before
        texts += [text for it in (target, before) if isinstance(it, State) for text in it.texts]
        is_same = (
            isinstance(before, State)
            and isinstance(target, State)
            and (before.texts, before.status) == (target.texts, target.status)
        )
        if not recorded and (is_same or not texts):
            return Step(reading, target)
        moment = self._clock()
        others = [it for it in recorded if it.writer != self._writer and it.until > moment]
        own = SearchWrite(
            self._writer, moment + SEARCH_WRITES_END_WITHIN, tuple(dict.fromkeys(texts))
        )
        return Step(reading, target, [own, *others])

    def _search(self, step: Step) -> None:
        """Write the search rows, then settle their recorded write."""
        own, *others = step.writes
        state = step.target if isinstance(step.target, State) else None
        put = grams_of(state.texts) if state else frozenset()
        drop = grams_of(text for write in step.writes for text in write.texts) - put
        last_start = own.until - SEARCH_WRITES_END_WITHIN + SEARCH_WRITES_START_WITHIN
        self._store.write_search(step.reading.entity, state, put, drop, last_start)
        self._store.settle(step, others)
