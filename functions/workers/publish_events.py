"""Streams of users and orders: tell the bus what happened."""

from collections.abc import Iterable, Sequence

from shop.events.provide import outbox
from shop.streams import Record, stream_worker


@stream_worker
def handler(records: Sequence[Record]) -> Iterable[Record]:
    """Publishes an event for each change that is one, and gives back what must wait."""
    return outbox().tell(records)
