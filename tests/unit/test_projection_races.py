"""Concurrent projectors of one user fail and overtake each other, and search converges."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from shop.errors import ServiceUnavailable
from shop.projections.models import Deleted, Entity, Kind, Reading, SearchWrite, State, Step
from shop.projections.service import MAX_RECORDED_TEXTS, ProjectionService
from shop.retries import StaleVersion
from shop.search import grams_of

ADA = Entity(Kind.USERS, "ada")
A, B, C, D = "ada lovelace", "ada byron", "countess of nowhere", "ada king"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)

type Row = State | Deleted | None


class ProcessDied(BaseException):
    """The process ends immediately; no handler of it runs."""


class Database:
    """One user, the projected row, and the texts of each search row."""

    def __init__(self, name: str) -> None:
        self.user: State | None = State(1, "active", (name,))
        self.version = 1
        self.row: Row = None
        self.writes: Sequence[SearchWrite] = ()
        self.search: dict[str, Sequence[str]] = {}
        self.now = NOON

    def rename(self, name: str) -> None:
        self.version += 1
        self.user = State(self.version, "active", (name,))

    def delete(self) -> None:
        self.user = None

    def pause(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def project(self) -> None:
        """Project in a separate process without faults."""
        assert projector(Store(self)).project([ADA]) == {}

    def expected(self) -> dict[str, Sequence[str]]:
        texts = self.user.texts if self.user else ()
        return dict.fromkeys(grams_of(texts), texts)


class Store:
    """The database of one process; `at` is called before and after each effect.

    Search rows are written one by one, each in its own call.
    """

    def __init__(self, database: Database, at: Callable[[str], None] = lambda _: None) -> None:
        self.database = database
        self.at = at

    def read(self, entities: Sequence[Entity]) -> Sequence[Reading]:
        self.at("before read")
        found = self.database
        readings = [Reading(entity, found.user, found.row, found.writes) for entity in entities]
        self.at("after read")
        return readings

    def advance(self, steps: Sequence[Step]) -> None:
        self.at("before advance")
        (step,) = steps
        found = self.database
        if (step.reading.projected, step.reading.writes) != (found.row, found.writes):
            raise StaleVersion
        found.row, found.writes = step.target, step.writes
        self.at("after advance")

    def write_search(
        self,
        entity: Entity,
        state: State | None,
        put: Iterable[str],
        drop: Iterable[str],
        before: datetime,
    ) -> None:
        self.at("before search")
        put, drop = sorted(put), sorted(drop)
        for number, gram in enumerate([*put, *drop]):
            if number == len(put) // 2:
                self.at("in the middle of puts")
            if number == len(put) + len(drop) // 2:
                self.at("in the middle of drops")
            if self.database.now > before:
                raise ServiceUnavailable(retry_after=1)
            if gram in put:
                assert state is not None
                self.database.search[gram] = state.texts
            else:
                self.database.search.pop(gram, None)
        self.at("after search")

    def settle(self, step: Step, left: Sequence[SearchWrite]) -> None:
        self.at("before settle")
        if (self.database.row, self.database.writes) != (step.target, step.writes):
            raise StaleVersion
        self.database.writes = left
        self.at("after settle")


PLACES = [
    *("before read", "after read", "before advance", "after advance", "before search"),
    *("in the middle of puts", "in the middle of drops"),
    *("after search", "before settle", "after settle"),
]


def projector(store: Store) -> ProjectionService:
    return ProjectionService(store, lambda: store.database.now, store.database.pause)


def always(place: str, work: Callable[[], None]) -> Callable[[str], None]:
    """Run the work at every visit of the place, including retries."""

    def at(met: str) -> None:
        if met == place:
            work()

    return at


def once(
    place: str, work: Callable[[], None], then: Callable[[str], None] = lambda _: None
) -> Callable[[str], None]:
    """Run the work at the first visit of the place, and `then` at every later place."""
    is_done = False

    def at(met: str) -> None:
        nonlocal is_done
        if is_done:
            then(met)
        elif met == place:
            is_done = True
            work()

    return at


def fail() -> None:
    raise ServiceUnavailable(retry_after=1)


def die() -> None:
    raise ProcessDied


def run(database: Database, at: Callable[[str], None]) -> None:
    """Project with an injected event, and ignore the outcome."""
    with suppress(ProcessDied):
        projector(Store(database, at)).project([ADA])


def assert_converged(database: Database) -> None:
    """Assert that search rows match the user, and that a deleted user has no row."""
    assert database.search == database.expected()
    if database.user is None:
        assert (database.row, [*database.writes]) == (Deleted(), [])
    else:
        assert database.row == database.user


CHANGES: dict[str, Callable[[Database], None]] = {
    "nothing": lambda _: None,
    "renamed": lambda it: it.rename(D),
    "renamed back": lambda it: it.rename(A),
    "deleted": lambda it: it.delete(),
}


@pytest.mark.parametrize("end", [fail, die])
@pytest.mark.parametrize("last", CHANGES)
def test_projection_after_faults_at_every_two_places_converges(
    end: Callable[[], None], last: str
) -> None:
    """Rename A to B and B to C with a fault each, and then make another change."""
    for first, second in product(PLACES, PLACES):
        database = Database(A)
        database.project()
        database.rename(B)
        run(database, always(first, end))
        database.rename(C)
        run(database, always(second, end))
        CHANGES[last](database)

        database.project()

        assert_converged(database)


@pytest.mark.parametrize("last", CHANGES)
def test_projection_after_two_dead_projectors_converges(last: str) -> None:
    """At every place a second projector finishes or dies; the first dies at every later place."""
    for place, others_end, own_end in product(PLACES, ["", *PLACES], PLACES):
        database = Database(A)
        database.project()
        database.rename(B)

        def meanwhile(database: Database = database, others_end: str = others_end) -> None:
            CHANGES[last](database)
            run(database, always(others_end, die))

        run(database, once(place, meanwhile, then=always(own_end, die)))

        database.project()

        assert_converged(database)


def test_repairing_projector_overtaken_by_a_third_converges() -> None:
    database = Database(A)
    database.project()
    database.rename(B)

    def second() -> None:
        database.rename(C)
        database.project()

    def third() -> None:
        database.rename(D)
        database.project()

    # The first is overtaken before its write, and again while it repairs that write.
    run(database, once("before search", second, then=once("before search", third)))

    assert_converged(database)


def test_live_user_is_projected_without_waiting_and_keeps_the_writer_record() -> None:
    database = Database(A)
    database.project()
    database.rename(B)
    run(database, always("before search", die))
    (left,) = database.writes
    database.rename(C)

    database.project()

    assert database.now == NOON
    assert database.writes == [left]
    assert database.search == database.expected()

    database.now = left.until
    database.project()

    assert_converged(database)


def test_deletion_waits_for_other_possible_writers() -> None:
    database = Database(A)
    database.project()
    database.rename(B)
    run(database, always("before search", die))
    (left,) = database.writes
    database.delete()

    database.project()

    assert database.now == left.until
    assert_converged(database)


def test_deletion_converges_if_other_writers_end_during_its_write() -> None:
    database = Database(A)
    database.project()
    database.rename(B)
    run(database, always("before search", die))
    database.pause(15)
    database.delete()

    run(database, once("before settle", lambda: database.pause(10)))

    assert_converged(database)


def test_projector_does_not_wait_for_its_own_writes() -> None:
    database = Database(A)
    broken = always("before search", fail)
    service = projector(Store(database, lambda place: broken(place)))
    assert [*service.project([ADA])] == [ADA]
    database.delete()
    broken = always("", fail)

    assert service.project([ADA]) == {}

    assert database.now == NOON
    assert_converged(database)


def test_record_of_a_user_with_failing_search_rows_is_bounded() -> None:
    database = Database("name 0")
    for number in range(3 * MAX_RECORDED_TEXTS):
        run(database, always("before search", fail))
        database.rename(f"name {number}")
        database.pause(60)

    assert (
        len({text for write in database.writes for text in write.texts}) <= 2 + MAX_RECORDED_TEXTS
    )
    database.project()
    assert_converged(database)


def test_record_overwritten_by_older_code_is_recovered() -> None:
    database = Database(A)
    database.project()
    database.rename(B)

    def older_code() -> None:
        database.rename(C)
        assert database.user is not None
        database.row, database.writes = database.user, ()
        database.search = database.expected()

    run(database, once("before search", older_code))

    assert_converged(database)


def test_projected_user_is_read_once_and_not_written() -> None:
    database = Database(A)
    database.project()
    met: list[str] = []

    assert projector(Store(database, met.append)).project([ADA]) == {}

    assert met == ["before read", "after read"]
