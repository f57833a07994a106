"""The AWS calls of a request, and the number of sequential steps."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Barrier, Lock, local
from time import sleep
from typing import Any  # Any: botocore's events have many arguments

import shop.clients

HANG = 60.0  # seconds, after which calls that should be parallel are sequential
_CLIENTS = (
    *(shop.clients.dynamodb, shop.clients.secrets, shop.clients.parameters),
    *(shop.clients.events, shop.clients.queues),
)


@dataclass
class Call:
    operation: str
    began: int
    ended: int | None = None


@dataclass
class Calls:
    made: list[Call] = field(default_factory=list)
    _moments: Iterator[int] = field(default_factory=count)

    def began(self, operation: str) -> Call:
        call = Call(operation, next(self._moments))
        self.made.append(call)
        return call

    def ended(self, call: Call) -> None:
        call.ended = next(self._moments)

    def steps(self) -> list[str]:
        """Return the steps, such as `["BatchGetItem", "GetItem + 2 Query"]`.

        A call that begins after another's end is in a later step; each step is one round trip.
        """
        depths: list[int] = []
        for call in self.made:
            before = [
                depth
                for other, depth in zip(self.made, depths, strict=False)
                if other.ended is not None and other.ended < call.began
            ]
            depths.append(1 + max(before, default=0))
        return [
            _spelled(
                call.operation
                for call, depth in zip(self.made, depths, strict=True)
                if depth == step
            )
            for step in sorted({*depths})
        ]


@contextmanager
def counted(latency: float = 0.0, parallel: Sequence[int] = ()) -> Iterator[Calls]:
    """Record the calls of the product's own clients; each attempt of the SDK is one.

    Fast responses would make parallel calls look sequential. So each waits ``latency`` seconds, or,
    if ``parallel`` has the number of calls per step, until all calls of its step were made.
    """
    calls, mine, lock = Calls(), local(), Lock()
    together = [barrier for it in parallel for barrier in [Barrier(it, timeout=HANG)] * it]

    def sent(operation_name: str, **_: Any) -> None:
        with lock:
            number = len(calls.made)
            mine.call = calls.began(operation_name)
        sleep(latency)
        if number < len(together):
            together[number].wait()

    def received(**_: Any) -> None:
        calls.ended(mine.call)

    # The only event at the end of an attempt: it decides on the next one.
    listeners = (("request-created", sent), ("needs-retry", received))
    clients = [client() for client in _CLIENTS]
    for client in clients:
        for name, listener in listeners:
            client.meta.events.register(name, listener)
    try:
        yield calls
    finally:
        for client in clients:
            for name, listener in listeners:
                client.meta.events.unregister(name, listener)


def _spelled(operations: Iterator[str]) -> str:
    return " + ".join(
        operation if number == 1 else f"{number} {operation}"
        for operation, number in sorted(Counter(operations).items())
    )
