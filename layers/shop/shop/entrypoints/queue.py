"""Queue workers: functions that handle the events of an SQS queue and report failed messages."""

import json
import time
from collections.abc import Callable, Mapping
from functools import partial, wraps
from typing import Any, NamedTuple  # an event and its context come from Lambda

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shop.correlation import correlation_id
from shop.gather import gather
from shop.observability import logger
from shop.tracing import annotate, traced


class Delivery(NamedTuple):
    """A CloudEvent, the number of its deliveries so far (1 for the first), the seconds that the
    function has left, and whether the archive replays the event.
    """

    event: Mapping[str, Any]
    receives: int
    seconds_left: Callable[[], float]
    is_replay: bool = False


type Work = Callable[[Delivery], None]
type Handler = Callable[[dict[str, Any], Any], PartialItemFailureResponse]


def queue_worker(work: Work) -> Handler:
    """Return a handler that does the work for each message and reports failed ones for redelivery.

    A message is the whole event from the bus, not its detail only. The dead letters of a rule have
    this form too, so they can be moved to its queue.
    """
    # No exception if all messages fail: each is reported in the response.
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)

    @wraps(work)
    def handler(event: dict[str, Any], context: Any) -> PartialItemFailureResponse:
        logger().append_keys(function_name=context.function_name)
        deliver = partial(_deliver, work, lambda_context=context)
        return process_partial_response(event, deliver, processor, context)

    return handler


def concurrent_queue_worker(prepare: Callable[[], object]) -> Callable[[Work], Handler]:
    """Return a decorator like `queue_worker`, for a handler that does the work of all messages of a
    batch at once. `prepare` runs before, on one thread, and creates what they share.

    Lines that the work logs have no `request_id` unless they pass one: the threads share the keys.
    """

    def decorate(work: Work) -> Handler:
        def is_done(record: SQSRecord, context: Any) -> bool:
            try:
                _deliver(work, record, context, is_alone=False)
            except Exception:
                return False  # which the log has
            return True

        @wraps(work)
        def handler(event: dict[str, Any], context: Any) -> PartialItemFailureResponse:
            logger().append_keys(function_name=context.function_name, request_id=None)
            prepare()
            records = [SQSRecord(it) for it in event["Records"]]
            done = gather([partial(is_done, it, context) for it in records])
            failed = [it for it, is_done in zip(records, done, strict=True) if not is_done]
            return {"batchItemFailures": [{"itemIdentifier": it.message_id} for it in failed]}

        return handler

    return decorate


@traced("message")
def _deliver(work: Work, record: SQSRecord, lambda_context: Any, is_alone: bool = True) -> None:
    receives = int(record.attributes.approximate_receive_count)
    log, began = logger(), time.perf_counter()
    fields: dict[str, Any] = {"message_id": record.message_id, "receives": receives}
    if is_alone:
        # Reset first, or a malformed message would be logged with the previous request id.
        log.append_keys(request_id=None)
    try:
        message = json.loads(record.body)
        event = message["detail"]
        correlation_id.set(event.get("correlationid"))
        if is_alone:
            log.append_keys(request_id=correlation_id.get())
        else:
            fields["request_id"] = correlation_id.get()
        fields |= {name: event.get(name) for name in ("id", "type", "subject")}
        annotate(request_id=correlation_id.get(), type=fields["type"], subject=fields["subject"])
        work(
            Delivery(
                event,
                receives,
                lambda: lambda_context.get_remaining_time_in_millis() / 1000,
                "replay-name" in message,
            )
        )
    except Exception:
        log.exception("failed", **fields)
        raise
    log.info("done", milliseconds=round((time.perf_counter() - began) * 1000, 1), **fields)
