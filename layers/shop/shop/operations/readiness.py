"""Whether the dependencies of every request answer, asked seldom."""

import time
from collections.abc import Callable, Mapping

from shop.errors import Detail, ServiceUnavailable
from shop.observability import logger

ASK_EVERY = 5.0  # seconds, in one sandbox


class DependencyCheck:
    """Asks each dependency, named by its role, and remembers what it said for 5 s."""

    def __init__(
        self,
        probes: Mapping[str, Callable[[], object]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._probes = probes
        self._clock = clock
        self._asked_at: float | None = None
        self._silent: list[str] = []

    def check(self) -> None:
        """Raises `ServiceUnavailable` naming the dependencies that do not answer."""
        now = self._clock()
        if self._asked_at is None or now - self._asked_at >= ASK_EVERY:
            self._silent = [role for role, probe in self._probes.items() if not _answers(probe)]
            self._asked_at = now
        if self._silent:
            details = [Detail(role, "unavailable", "does not answer") for role in self._silent]
            raise ServiceUnavailable(details=details, retry_after=int(ASK_EVERY))


def _answers(probe: Callable[[], object]) -> bool:
    try:
        probe()
    except Exception:  # whatever it is, the dependency is of no use to a request
        logger().exception("dependency does not answer")
        return False
    return True
