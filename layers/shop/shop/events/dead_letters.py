"""Dead letters: pointers to records that can never be published, in the on-failure queue."""

import json

from shop.clients import queues
from shop.clock import now, to_text
from shop.config import setting
from shop.stream_records import StreamRecord


def dead_letter(record: StreamRecord) -> None:
    """Send a pointer to a record, in Lambda's own format so that one tool reads both.

    It lacks the shard, which records do not contain, and the item, which may be personal data.

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
