"""The outbox: publish an event for each committed change in a stream, at least once."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from shop.events.records import event_of
from shop.events.schemas import AnyEvent, UserDeleted
from shop.events.service import EventPublisher, Outcome
from shop.observability import logger
from shop.stream_records import StreamRecord

type DeletingRequests = Callable[[Iterable[str]], Mapping[str, str]]
type DeadLetter = Callable[[StreamRecord], None]


class Outbox:
    def __init__(
        self,
        publisher: EventPublisher,
        deleting_requests: DeletingRequests,
        dead_letter: DeadLetter,
    ) -> None:
        self._publisher = publisher
        self._deleting_requests = deleting_requests
        self._dead_letter = dead_letter

    def publish(self, records: Sequence[StreamRecord]) -> Sequence[StreamRecord]:
        """Publish the events of the records; return the records to retry, from the first on.

        A record that can never be published goes to the dead-letter queue at once. Lambda would do
        this too, but only after all retries for an outage of the bus, and would delay all others.
        """
        outcomes: dict[StreamRecord, Outcome] = {}
        events: dict[StreamRecord, AnyEvent] = {}
        for record in records:
            try:
                event = event_of(record)
            except Exception as error:
                outcomes[record] = Outcome.REJECTED
                # Without message and traceback, which could contain the item.
                logger().error(
                    "not an event",
                    table=record.table,
                    sequence_number=record.sequence_number,
                    error=type(error).__name__,
                )
            else:
                if event is not None:
                    events[record] = event
        self._add_deleting_requests(events)
        outcomes |= zip(events, self._publisher.publish([*events.values()]), strict=True)
        for position, record in enumerate(records):
            if not self._is_done(record, outcomes.get(record, Outcome.PUBLISHED)):
                return records[position:]
        return []

    def _add_deleting_requests(self, events: dict[StreamRecord, AnyEvent]) -> None:
        deleted = {r: event for r, event in events.items() if isinstance(event, UserDeleted)}
        correlation_ids = self._deleting_requests([event.subject for event in deleted.values()])
        for record, event in deleted.items():
            correlation = {"correlationid": correlation_ids.get(event.subject)}
            events[record] = event.model_copy(update=correlation)

    def _is_done(self, record: StreamRecord, outcome: Outcome) -> bool:
        if outcome is Outcome.REJECTED:
            try:
                self._dead_letter(record)
            except Exception:
                logger().exception("dead-lettering failed", sequence_number=record.sequence_number)
                return False
        return outcome is not Outcome.RETRY
