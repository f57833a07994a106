"""Keeping lists true: whatever a stream tells, however often and in whatever order.

A record says only which entity changed. The entity is read as it is now, and its row, which says
what totals and search know of it, is brought there in one transaction with the totals. The row also
records the search rows that are about to be written, and drops that record once they are.
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
from shop.search import grams_of

AT_ONCE = 45  # two keys each are read, of BatchGetItem's 100
MAX_TRIES = 5
# Texts that a row records, of at most 0.5 KB each: an item holds 400 KB.
MAX_RECORDED_TEXTS = 100


class Overtaken(Exception):
    """Somebody else projected one of the entities since it was read; nothing was written."""


class ProjectionStore(Protocol):
    def read(self, entities: Sequence[Entity]) -> Sequence[Reading]: ...

    def advance(self, steps: Sequence[Step]) -> None:
        """The rows and the totals, all or nothing; raises `Overtaken`."""

    def write_search(
        self,
        entity: Entity,
        state: State | None,
        put: Iterable[str],
        drop: Iterable[str],
        before: datetime,
    ) -> None:
        """Put the user's rows of some trigrams, as they are in this state, and delete others.

        Raises `ServiceUnavailable` rather than start a call after `before`.
        """

    def settle(self, step: Step, left: Sequence[SearchWrite]) -> None:
        """Reduce what the row records to the writes that are left; raises `Overtaken`."""


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
        # Older code puts rows without the record, so what this call has not settled is kept here.
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
                            # Nothing comes after a deletion to drop what others still write.
                            awaited += [it.until for it in step.writes[1:]]
            except Overtaken:
                continue
            if all(step.is_last for step in changed) and not awaited:
                return
            if awaited:
                self._pause(max((max(awaited) - self._clock()).total_seconds(), 0))
        raise ServiceUnavailable(retry_after=1)

    def _step(self, reading: Reading, unsettled: SearchWrite | None) -> Step | None:
        """What is to be done for an entity, or None."""
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
        """Writes the search rows, and settles what is recorded of them."""
        own, *others = step.writes
        state = step.target if isinstance(step.target, State) else None
        put = grams_of(state.texts) if state else frozenset()
        drop = grams_of(text for write in step.writes for text in write.texts) - put
        last_start = own.until - SEARCH_WRITES_END_WITHIN + SEARCH_WRITES_START_WITHIN
        self._store.write_search(step.reading.entity, state, put, drop, last_start)
        self._store.settle(step, others)
