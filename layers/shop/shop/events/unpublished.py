"""Pointers to records that can never be told, beside those that Lambda itself gave up."""

import json

from shop.clients import queues
from shop.clock import now, to_text
from shop.config import setting
from shop.stream_records import Record


def set_aside(record: Record) -> None:
    """As Lambda points to records, for one tool to read both; without the shard, which no record
    names, and without the item, which may hold what must not be kept.

    https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
    """
    pointer = {
        "requestContext": {"condition": "Refused"},
        "version": "1.0",
        "timestamp": to_text(now()),
        "DDBStreamBatchInfo": {
            "startSequenceNumber": record.sequence_number,
            "endSequenceNumber": record.sequence_number,
            "batchSize": 1,
            "streamArn": record.stream,
        },
    }
    queues().send_message(
        QueueUrl=setting("UNPUBLISHED_EVENTS_QUEUE"), MessageBody=json.dumps(pointer)
    )
