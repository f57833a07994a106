"""Streams of users and orders: publish events to the bus."""

from collections.abc import Iterable, Sequence

from shop.entrypoints.stream import stream_worker
from shop.events.dependencies import outbox
from shop.stream_records import StreamRecord


@stream_worker
def handler(records: Sequence[StreamRecord]) -> Iterable[StreamRecord]:
    """Publish an event for each change that has one; return the records to retry."""
    return outbox().publish(records)
