"""The bus: an event is one entry, whose detail is the whole CloudEvent."""

from collections.abc import Mapping, Sequence
from typing import Any  # what an entry was answered is botocore's, and a line's values are many

from botocore.exceptions import BotoCoreError, ClientError

from shop.clients import events as client
from shop.config import setting
from shop.events.schemas import AnyEvent
from shop.events.service import BusUnavailable, Outcome
from shop.observability import logger

SOURCE = "shop"

# Errors of an entry that it would meet each time; the others pass, or somebody mends them:
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html
_LASTING = {"InvalidArgument", "MalformedDetail"}


class EventBus:
    def put(self, events: Sequence[AnyEvent]) -> Sequence[Outcome]:
        """One call, of at most 10 events and 256 KB."""
        try:
            answer = client().put_events(
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
            _outcome(event, entry) for event, entry in zip(events, answer["Entries"], strict=True)
        ]


def _outcome(event: AnyEvent, entry: Mapping[str, Any]) -> Outcome:
    code = entry.get("ErrorCode")
    told: dict[str, Any] = {"id": event.id, "type": event.type, "subject": event.subject}
    told["request_id"] = event.correlationid
    if code is None:
        logger().info("told", **told)
        return Outcome.PUBLISHED
    logger().warning("event not taken", code=code, **told)
    return Outcome.REJECTED if code in _LASTING else Outcome.RETRY
