"""Batches: the loads of one step of an execution, in as few calls of AWS as possible."""

from asyncio import AbstractEventLoop, Future
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any  # keys and loaded values are of many types

type Load = Callable[[Sequence[Any]], Mapping[Any, Any]]

_QUIET_TICKS = 3  # of the loop, after which no other field of the step can follow


class Batches:
    """Loads by key, each key once in a request.

    A load function returns a value or an exception for each key; a key that it omits has none.
    It runs in the main thread, so that the deadline can interrupt it.
    """

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._loaded: dict[tuple[Load, Hashable], Future[Any]] = {}
        self._pending: dict[Load, dict[Hashable, Future[Any]]] = {}

    def load(self, load: Load, key: Hashable) -> Future[Any]:
        known = self._loaded.get((load, key))
        if known is not None:
            return known
        if not self._pending:
            self._loop.call_soon(self._wait, 0, _QUIET_TICKS)
        future = self._loaded[load, key] = self._loop.create_future()
        self._pending.setdefault(load, {})[key] = future
        return future

    def _wait(self, seen: int, ticks: int) -> None:
        """Run the loads once no field has added one for some ticks."""
        is_quiet = len(self._loaded) == seen
        if is_quiet and ticks == 0:
            self._run()
        else:
            ticks = ticks - 1 if is_quiet else _QUIET_TICKS
            self._loop.call_soon(self._wait, len(self._loaded), ticks)

    def _run(self) -> None:
        pending, self._pending = self._pending, {}
        for load, futures in pending.items():
            try:
                outcomes = load([*futures])
            except Exception as error:
                outcomes = dict.fromkeys(futures, error)
            for key, future in futures.items():
                outcome = outcomes.get(key)
                if isinstance(outcome, Exception):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)
