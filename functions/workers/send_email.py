"""Queue of what calls for a mail: write and send it."""

from typing import Any  # an event and its context are whatever Lambda sends

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shop.mail.provide import mail_service
from shop.mail.schemas import Message
from shop.observability import logger

# A batch that fails as a whole is told like any other, or it would count as our error.
_processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


def handler(event: dict[str, Any], context: Any) -> PartialItemFailureResponse:
    """Gives back the messages that are to come again."""
    return process_partial_response(event, _deliver, _processor, context)


def _deliver(record: SQSRecord) -> None:
    try:
        event = Message.model_validate_json(record.body).detail
        outcome = mail_service().deliver(event.notice())
    except Exception:
        logger().exception("mail not sent", message_id=record.message_id)
        raise
    told = {"event_id": event.id, "event_type": event.type, "request_id": event.correlationid}
    logger().info(outcome, extra=told)
