"""Calls that need not wait for one another."""

from collections.abc import Callable, Sequence
from contextvars import copy_context

MOST = 8  # connections of the client's ten


def gather[T](asks: Sequence[Callable[[], T]]) -> list[T]:
    """Their answers, in order; or raises what the first of them that fails raises.

    Whoever is out of time leaves without those that still wait, which end by the client's timeouts.
    """
    if len(asks) < 2:
        return [ask() for ask in asks]
    # Here, since most functions ask one thing at a time.
    from concurrent.futures import ThreadPoolExecutor

    # Threads of its own: what hangs in one request must not be in the way of the next.
    threads = ThreadPoolExecutor(min(len(asks), MOST))
    try:
        # Each in a copy of the context, by which the trace knows what a call belongs to.
        futures = [threads.submit(copy_context().run, ask) for ask in asks]
        return [future.result() for future in futures]
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
