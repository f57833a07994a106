"""Streams of users and orders: tell the bus what happened."""

from collections.abc import Iterable, Sequence

from shop.entrypoints.stream import stream_worker
from shop.events.dependencies import outbox
from shop.stream_records import Record


@stream_worker
def handler(records: Sequence[Record]) -> Iterable[Record]:
    """Publishes an event for each change that is one, and gives back what must wait."""
    return outbox().tell(records)
