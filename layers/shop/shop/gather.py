"""Concurrent calls of AWS that do not depend on one another."""

from collections.abc import Callable, Sequence
from contextvars import copy_context

MAX_THREADS = 8  # of the client's 10 connections


def gather[T](calls: Sequence[Callable[[], T]]) -> list[T]:
    """Return the results in order, or raise the error of the first call that fails.

    On timeout, pending calls are abandoned; the client's own timeouts end them.
    """
    if len(calls) < 2:
        return [call() for call in calls]
    # Imported here, since most functions make one call at a time.
    from concurrent.futures import ThreadPoolExecutor

    # An executor for each use: a call that hangs must not delay the next request.
    threads = ThreadPoolExecutor(min(len(calls), MAX_THREADS))
    try:
        # Each call gets a copy of the context, which holds the parent of its trace segment.
        futures = [threads.submit(copy_context().run, call) for call in calls]
        return [future.result() for future in futures]
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
