"""The EventBridge bus: an event is one entry, with the whole CloudEvent as its detail."""

from collections.abc import Mapping, Sequence
from typing import Any  # botocore's result entries, and the fields of a log line

from botocore.exceptions import BotoCoreError, ClientError

from shop.clients import events as client
from shop.config import setting
from shop.events.schemas import AnyEvent
from shop.events.service import BusUnavailable, Outcome
from shop.observability import logger

SOURCE = "shop"

# Permanent errors of an entry; all others pass, or an operator can fix them:
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html
_PERMANENT = {"InvalidArgument", "MalformedDetail"}


class EventBus:
    def put(self, events: Sequence[AnyEvent]) -> Sequence[Outcome]:
        """Publish at most 10 events and 256 KB in one call."""
        try:
            response = client().put_events(
                Entries=[
                    {
                        "EventBusName": setting("BUS"),
                        "Source": SOURCE,
                        "DetailType": event.type,
                        "Time": event.time,
                        "Detail": event.to_json(),
                    }
                    for event in events
                ]
            )
        except (BotoCoreError, ClientError) as error:
            logger().warning("bus unavailable", exc_info=error)
            raise BusUnavailable from error
        return [
            _outcome(event, entry) for event, entry in zip(events, response["Entries"], strict=True)
        ]


def _outcome(event: AnyEvent, entry: Mapping[str, Any]) -> Outcome:
    code = entry.get("ErrorCode")
    fields: dict[str, Any] = {
        "id": event.id,
        "type": event.type,
        "subject": event.subject,
        "request_id": event.correlationid,
    }
    if code is None:
        logger().info("event published", **fields)
        return Outcome.PUBLISHED
    logger().warning("event not published", code=code, **fields)
    return Outcome.REJECTED if code in _PERMANENT else Outcome.RETRY
