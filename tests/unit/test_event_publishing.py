"""Events are published in order per entity; failing ones are retried or dead-lettered."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from shop.events.outbox import Outbox
from shop.events.schemas import AnyEvent
from shop.events.service import (
    MAX_BYTES,
    MAX_ENTRIES,
    MAX_RETRY_SECONDS,
    BusUnavailable,
    EventPublisher,
    Outcome,
)
from shop.identifiers import new_id
from shop.stream_records import StreamRecord
from tests.support.log_lines import LogLines
from tests.support.stream_events import ORDER, SECRET, USER, record

PUBLISHED, RETRY, REJECTED = Outcome

type OutcomeOf = Callable[[AnyEvent], Outcome]


class FakeBus:
    """A bus that records events; the first `down` calls fail."""

    def __init__(self, outcome_of: OutcomeOf = lambda _: PUBLISHED, down: int = 0) -> None:
        self.outcome_of = outcome_of
        self.down = down
        self.calls: list[list[str]] = []  # codes by subject
        self.published: list[AnyEvent] = []

    def put(self, events: Sequence[AnyEvent]) -> Sequence[Outcome]:
        self.calls.append([event.subject for event in events])
        if self.down:
            self.down -= 1
            raise BusUnavailable
        outcomes = [self.outcome_of(event) for event in events]
        self.published += [e for e, it in zip(events, outcomes, strict=True) if it is PUBLISHED]
        return outcomes


class OutboxAt:
    """An outbox at this bus, its dead letters, and a clock that only pauses advance."""

    def __init__(self, bus: FakeBus, is_aside_down: bool = False) -> None:
        self.aside: list[str] = []
        self.time = 0.0

        def pause(seconds: float) -> None:
            self.time += max(seconds, 0.01)

        def dead_letter(record: StreamRecord) -> None:
            if is_aside_down:
                raise ConnectionError
            self.aside.append(record.key["id"])

        publisher = EventPublisher(bus, pause, lambda: self.time)
        self.outbox = Outbox(publisher, lambda _: {}, dead_letter)

    def publish(self, records: Sequence[StreamRecord]) -> list[int]:
        """Return the positions of the records to retry."""
        return [records.index(it) for it in self.outbox.publish(records)]


def user(version: int = 1, user_id: str | None = None, **more: Any) -> StreamRecord:
    after = USER | {"id": user_id or new_id(), "version": version} | more
    before = None if version == 1 else after | {"version": version - 1}
    return record("users_table", before, after)


def poison() -> StreamRecord:
    return record("users_table", None, {"id": new_id(), "name": SECRET})


def test_events_are_published_ten_at_a_time_in_stream_order() -> None:
    bus, records = FakeBus(), [user() for _ in range(25)]

    assert OutboxAt(bus).publish(records) == []

    assert [len(call) for call in bus.calls] == [10, 10, 5]
    assert [event.subject for event in bus.published] == [it.key["id"] for it in records]


def test_call_contains_one_event_per_entity() -> None:
    bus, one, other = FakeBus(), new_id(), new_id()
    records = [user(1, one), user(2, one), user(1, other), user(3, one), user(2, other)]

    assert OutboxAt(bus).publish(records) == []

    assert bus.calls == [[one, other], [one, other], [one]]


def test_call_stays_within_the_limits_of_the_bus() -> None:
    bus = FakeBus()
    lines = [ORDER["lines"][0]] * 1_000  # larger than any real order
    records = [
        record("orders_table", None, ORDER | {"id": new_id(), "lines": lines}) for _ in "123456"
    ]

    assert OutboxAt(bus).publish(records) == []

    size = len(bus.published[0].to_json())
    assert [len(call) for call in bus.calls] == [MAX_BYTES // size, 6 - MAX_BYTES // size]
    assert MAX_BYTES // size < 6 < MAX_ENTRIES


def test_oversized_event_is_dead_lettered() -> None:
    bus = FakeBus()
    outbox = OutboxAt(bus)
    large = record("orders_table", None, ORDER | {"lines": ORDER["lines"] * 5_000})

    assert outbox.publish([user(), large, user()]) == []

    assert len(bus.published) == 2 and outbox.aside == [ORDER["id"]]


def test_failed_entry_is_retried_before_the_next_of_its_entity() -> None:
    one, other = new_id(), new_id()
    fails = [one, one]

    def outcome_of(event: AnyEvent) -> Outcome:
        if event.subject in fails:
            fails.remove(event.subject)
            return RETRY
        return PUBLISHED

    bus = FakeBus(outcome_of)

    assert OutboxAt(bus).publish([user(1, one), user(2, one), user(1, other)]) == []

    versions = [event.data.version for event in bus.published if event.subject == one]
    assert versions == [1, 2]
    assert sorted(event.subject for event in bus.published) == sorted([one, one, other])


def test_short_bus_outage_is_waited_out() -> None:
    bus, records = FakeBus(down=3), [user(), user()]

    assert OutboxAt(bus).publish(records) == []

    assert len(bus.published) == 2


def test_long_bus_outage_defers_all_within_the_worker_timeout() -> None:
    bus = FakeBus(down=10**9)
    outbox = OutboxAt(bus)

    assert outbox.publish([user(), user()]) == [0, 1]

    assert MAX_RETRY_SECONDS <= outbox.time < MAX_RETRY_SECONDS + 5


def test_failing_event_blocks_later_records_only() -> None:
    stuck = new_id()
    bus = FakeBus(lambda event: RETRY if event.subject == stuck else PUBLISHED)
    outbox = OutboxAt(bus)

    assert outbox.publish([user(), user(1, stuck), poison(), user()]) == [1, 2, 3]

    # Records retried with it are not dead-lettered now, or each retry would repeat that.
    assert outbox.aside == []


@pytest.mark.parametrize("place", range(10))
def test_malformed_record_is_dead_lettered_alone(place: int, log: LogLines) -> None:
    bus = FakeBus()
    outbox = OutboxAt(bus)
    records = [user() for _ in range(10)]
    records[place] = poison()

    assert outbox.publish(records) == []

    assert len(bus.published) == 9
    assert outbox.aside == [records[place].key["id"]]
    assert [line["error"] for line in log()] == ["KeyError"]
    assert SECRET not in json.dumps(log())


def test_rejected_event_is_dead_lettered_alone() -> None:
    records = [user(), user(), user()]
    rejected = records[1].key["id"]
    outbox = OutboxAt(FakeBus(lambda event: REJECTED if event.subject == rejected else PUBLISHED))

    assert outbox.publish(records) == []

    assert outbox.aside == [rejected]


def test_failed_dead_lettering_is_retried() -> None:
    outbox = OutboxAt(FakeBus(), is_aside_down=True)

    assert outbox.publish([user(), poison(), user()]) == [1, 2]
