"""Readiness: probe the dependencies of every request, at most every 5 s."""

import time
from collections.abc import Callable, Mapping
from functools import partial

from shop.deadline import DeadlineExceeded
from shop.errors import Detail, ServiceUnavailable
from shop.gather import gather
from shop.observability import logger

PROBE_INTERVAL = 5.0  # seconds, per sandbox


class DependencyCheck:
    """Probes of all dependencies by role, run in parallel and cached for 5 s."""

    def __init__(
        self,
        probes: Mapping[str, Callable[[], object]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._probes = probes
        self._clock = clock
        self._probed_at: float | None = None
        self._unavailable: list[str] = []

    def check(self) -> None:
        """Raise `ServiceUnavailable` with the roles of the dependencies that do not respond."""
        if self._probed_at is None or self._clock() - self._probed_at >= PROBE_INTERVAL:
            self._unavailable = self._probe()
            # The time after the probes: one that times out takes longer than the interval.
            self._probed_at = self._clock()
        if self._unavailable:
            details = [
                Detail(role, "unavailable", "Does not respond.") for role in self._unavailable
            ]
            raise ServiceUnavailable(details=details, retry_after=int(PROBE_INTERVAL))

    def _probe(self) -> list[str]:
        """Return the roles of the dependencies that fail, or exceed the request deadline."""
        available: set[str] = set()

        def probe(role: str) -> None:
            try:
                self._probes[role]()
            except Exception:  # any error makes the dependency unusable for requests
                logger().exception("dependency unavailable", dependency=role)
            else:
                available.add(role)

        try:
            gather([partial(probe, role) for role in self._probes])
        except DeadlineExceeded:
            logger().exception("dependencies timed out")
        return [role for role in self._probes if role not in available]
