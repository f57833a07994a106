"""The edge of a function that works on a queue of events: messages in, those that failed out."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any  # an event and its context are whatever Lambda sends

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shop.correlation import correlation_id
from shop.observability import logger
from shop.tracing import annotate, traced


@dataclass(frozen=True)
class Delivery:
    """A CloudEvent, for which time it comes (1 for the first), and the seconds that the function
    has left.
    """

    event: Mapping[str, Any]
    receives: int
    seconds_left: Callable[[], float]


type Work = Callable[[Delivery], None]
type Handler = Callable[[dict[str, Any], Any], PartialItemFailureResponse]


def queue_worker(work: Work) -> Handler:
    """A handler that does the work for each message, and has those come again for which it raises.

    A message is what the bus delivers, whole: so a rule's dead letters, which are never cut to the
    detail, can be moved to its queue like any other's.
    """
    # Without an error where all fail, since what failed is told in any case.
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)

    @traced("message")
    def deliver(record: SQSRecord, lambda_context: Any) -> None:
        receives = int(record.attributes.approximate_receive_count)
        log, began = logger(), time.perf_counter()
        told: dict[str, Any] = {"message_id": record.message_id, "receives": receives}
        # Or what a message that is none of ours leads to would be said of the one before it.
        log.append_keys(request_id=None)
        try:
            event = json.loads(record.body)["detail"]
            correlation_id.set(event.get("correlationid"))
            log.append_keys(request_id=correlation_id.get())
            told |= {name: event.get(name) for name in ("id", "type", "subject")}
            annotate(request_id=correlation_id.get(), type=told["type"], subject=told["subject"])
            work(
                Delivery(
                    event,
                    receives,
                    lambda: lambda_context.get_remaining_time_in_millis() / 1000,
                )
            )
        except Exception:
            log.exception("not done", **told)
            raise
        log.info("done", milliseconds=round((time.perf_counter() - began) * 1000, 1), **told)

    @wraps(work)
    def handler(event: dict[str, Any], context: Any) -> PartialItemFailureResponse:
        logger().append_keys(function_name=context.function_name)
        return process_partial_response(event, deliver, processor, context)

    return handler
