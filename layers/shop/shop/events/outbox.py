"""The outbox: what a stream says was committed goes to the bus, and nothing is lost on the way."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from shop.events.records import event_of
from shop.events.schemas import AnyEvent, UserDeleted
from shop.events.service import EventPublisher, Outcome
from shop.observability import logger
from shop.stream_records import Record

type DeletingRequests = Callable[[Iterable[str]], Mapping[str, str]]
type SetAside = Callable[[Record], None]


class Outbox:
    def __init__(
        self, publisher: EventPublisher, deleting_requests: DeletingRequests, set_aside: SetAside
    ) -> None:
        self._publisher = publisher
        self._deleting_requests = deleting_requests
        self._set_aside = set_aside

    def tell(self, records: Sequence[Record]) -> Sequence[Record]:
        """Tells the bus, and returns those that are to come again: from the first that waits on.

        A record that can never be told is set aside at once. Lambda would do that too, but only
        after as many tries as an outage of the bus is given, with all others waiting behind it.
        """
        outcomes: dict[Record, Outcome] = {}
        events: dict[Record, AnyEvent] = {}
        for record in records:
            try:
                event = event_of(record)
            except Exception as error:
                outcomes[record] = Outcome.REJECTED
                # No message and no trace, which could quote the item.
                logger().error(
                    "not an event",
                    table=record.table,
                    sequence_number=record.sequence_number,
                    error=type(error).__name__,
                )
            else:
                if event is not None:
                    events[record] = event
        self._name_who_deleted(events)
        outcomes |= zip(events, self._publisher.publish([*events.values()]), strict=True)
        for position, record in enumerate(records):
            if not self._is_settled(record, outcomes.get(record, Outcome.PUBLISHED)):
                return records[position:]
        return []

    def _name_who_deleted(self, events: dict[Record, AnyEvent]) -> None:
        deleted = {r: event for r, event in events.items() if isinstance(event, UserDeleted)}
        asked = self._deleting_requests([event.subject for event in deleted.values()])
        for record, event in deleted.items():
            correlation = {"correlationid": asked.get(event.subject)}
            events[record] = event.model_copy(update=correlation)

    def _is_settled(self, record: Record, outcome: Outcome) -> bool:
        if outcome is Outcome.REJECTED:
            try:
                self._set_aside(record)
            except Exception:
                logger().exception("not set aside", sequence_number=record.sequence_number)
                return False
        return outcome is not Outcome.RETRY
