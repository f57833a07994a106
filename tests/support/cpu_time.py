"""CPU time as a machine of known speed needs it, so that limits do not measure the machine."""

import gc
import time
from collections.abc import Callable

_ROUNDS = 50_000  # before the call, and again after it
_SECONDS = 0.002  # of both loops on the machine that limits refer to, an ordinary one


def measured[T](call: Callable[[], T]) -> tuple[T, float]:
    """Return the result of a call, and its CPU seconds on the machine that limits refer to.

    Without the garbage collector, whose time depends on the objects of all other tests.
    """
    gc.disable()
    try:
        begins = time.process_time()
        _loop()
        starts = time.process_time()
        result = call()
        ends = time.process_time()
        _loop()
        loops = starts - begins + time.process_time() - ends
    finally:
        gc.enable()
    return result, (ends - starts) * _SECONDS / loops


def _loop() -> None:
    for _ in range(_ROUNDS):
        pass
