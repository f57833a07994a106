"""Publishing in order: events of one entity never overtake each other, also after failures."""

import random
import time
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Protocol

from shop.events.schemas import AnyEvent

# PutEvents' limits, https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
MAX_ENTRIES = 10
MAX_BYTES = 256 * 1024
_ENVELOPE_BYTES = 64  # at most, for source, type and time
MAX_RETRY_SECONDS = 20.0  # seconds, of the worker's 60
_FIRST_PAUSE, _MAX_PAUSE = 0.05, 2.0  # seconds, before jitter


class Outcome(Enum):
    PUBLISHED = auto()
    RETRY = auto()
    REJECTED = auto()  # permanently


class BusUnavailable(Exception):
    """The call failed, so it is unknown which events were published."""


class Bus(Protocol):
    def put(self, events: Sequence[AnyEvent]) -> Sequence[Outcome]:
        """Return the outcome of each event, in order; raise `BusUnavailable`."""


class EventPublisher:
    def __init__(
        self,
        bus: Bus,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bus = bus
        self._pause = pause
        self._clock = clock

    def publish(self, events: Sequence[AnyEvent]) -> list[Outcome]:
        """Publish events, with retries for `MAX_RETRY_SECONDS`; return their outcomes."""
        sizes = [len(event.to_json().encode()) + _ENVELOPE_BYTES for event in events]
        outcomes = [Outcome.RETRY if size <= MAX_BYTES else Outcome.REJECTED for size in sizes]
        deadline = self._clock() + MAX_RETRY_SECONDS
        max_pause = _FIRST_PAUSE
        while call := _next_call(events, sizes, outcomes):
            try:
                results = self._bus.put([events[position] for position in call])
            except BusUnavailable:
                results = [Outcome.RETRY] * len(call)
            for position, result in zip(call, results, strict=True):
                outcomes[position] = result
            if any(result is not Outcome.RETRY for result in results):
                max_pause = _FIRST_PAUSE
            else:
                self._pause(random.uniform(0, max_pause))
                max_pause = min(max_pause * 2, _MAX_PAUSE)
            if self._clock() >= deadline:
                break
        return outcomes


def _next_call(
    events: Sequence[AnyEvent], sizes: Sequence[int], outcomes: Sequence[Outcome]
) -> list[int]:
    """Return the positions of the next call: one per entity, as entries may fail one by one."""
    call: list[int] = []
    entities: set[str] = set()
    size = 0
    for position, event in enumerate(events):
        if outcomes[position] is not Outcome.RETRY or event.subject in entities:
            continue
        size += sizes[position]
        if len(call) == MAX_ENTRIES or size > MAX_BYTES:
            break
        entities.add(event.subject)
        call.append(position)
    return call
