"""Whether the dependencies of every request answer, asked seldom."""

import time
from collections.abc import Callable, Mapping
from functools import partial

from shop.deadline import OutOfTime
from shop.errors import Detail, ServiceUnavailable
from shop.gather import gather
from shop.observability import logger

ASK_EVERY = 5.0  # seconds, in one sandbox


class DependencyCheck:
    """Asks all dependencies at once, named by their roles, and remembers the outcome for 5 s."""

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
        if self._asked_at is None or self._clock() - self._asked_at >= ASK_EVERY:
            self._silent = self._ask()
            # Since then, for those that hang take longer than what they said is remembered.
            self._asked_at = self._clock()
        if self._silent:
            details = [Detail(role, "unavailable", "does not answer") for role in self._silent]
            raise ServiceUnavailable(details=details, retry_after=int(ASK_EVERY))

    def _ask(self) -> list[str]:
        """The roles of those that do not answer, or not before the request is out of time."""
        answered: set[str] = set()

        def ask(role: str) -> None:
            try:
                self._probes[role]()
            except Exception:  # whatever it is, the dependency is of no use to a request
                logger().exception("dependency does not answer", dependency=role)
            else:
                answered.add(role)

        try:
            gather([partial(ask, role) for role in self._probes])
        except OutOfTime:
            logger().exception("dependencies do not answer in time")
        return [role for role in self._probes if role not in answered]
