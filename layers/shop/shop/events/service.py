"""Publishing in order: no event before another of its entity, whatever fails meanwhile."""

import random
import time
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Protocol

from shop.events.schemas import AnyEvent

# PutEvents' limits, https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
MAX_ENTRIES = 10
MAX_BYTES = 256 * 1024
_BESIDE_DETAIL = 64  # bytes that source, type and time take, at most
BUDGET = 20.0  # seconds, of the worker's 60
_FIRST_PAUSE, _MAX_PAUSE = 0.05, 2.0  # seconds, before jitter


class Outcome(Enum):
    PUBLISHED = auto()
    RETRY = auto()  # not now
    REJECTED = auto()  # never, as it is


class BusUnavailable(Exception):
    """Nothing is known to be told."""


class Bus(Protocol):
    def put(self, events: Sequence[AnyEvent]) -> Sequence[Outcome]:
        """What became of each, in their order; raises `BusUnavailable`."""


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
        """Tries for `BUDGET` seconds; what is left then waits with all that comes after it."""
        sizes = [len(event.to_json().encode()) + _BESIDE_DETAIL for event in events]
        outcomes = [Outcome.RETRY if size <= MAX_BYTES else Outcome.REJECTED for size in sizes]
        gives_up_at = self._clock() + BUDGET
        longest = _FIRST_PAUSE
        while call := _next_call(events, sizes, outcomes):
            try:
                answers = self._bus.put([events[position] for position in call])
            except BusUnavailable:
                answers = [Outcome.RETRY] * len(call)
            for position, answer in zip(call, answers, strict=True):
                outcomes[position] = answer
            if any(answer is not Outcome.RETRY for answer in answers):
                longest = _FIRST_PAUSE
            else:
                self._pause(random.uniform(0, longest))
                longest = min(longest * 2, _MAX_PAUSE)
            if self._clock() >= gives_up_at:
                break
        return outcomes


def _next_call(
    events: Sequence[AnyEvent], sizes: Sequence[int], outcomes: Sequence[Outcome]
) -> list[int]:
    """The first of each entity, since of two in one call the former may fail alone."""
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
