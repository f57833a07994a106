"""``make replay``: read stream records that a queue points to, and invoke the failed function."""

import argparse
import base64
import json
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import batched
from typing import Any

from botocore.exceptions import ClientError

from tools.audit import audited
from tools.deployments import Deployment

BATCH_SIZE = 100  # records per invocation, as in the event source mappings
VISIBILITY_TIMEOUT_SECONDS = 600  # no second replay reads the same messages meanwhile
WAIT_SECONDS = 2  # long polling: a short poll asks only some servers and may find none
# The streams of users and orders have two readers, the two functions, and DynamoDB throttles more
# than two: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
THROTTLED = (
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
)
PAUSES_SECONDS = (1, 2, 4, 8, 16)
MAX_EMPTY_PAGES = 20  # consecutive empty pages after which the stream counts as read

# Any: messages and records are JSON.
Record = dict[str, Any]


def replay(deployment: Deployment, name: str) -> tuple[int, int]:
    """Return the numbers of replayed and of remaining messages.

    A record that fails again arrives as a new message, which this replay leaves in the queue.
    """
    url = deployment.queue(name)
    with audited(deployment.client, deployment.stack, "replay", {"queue": name}) as record:
        done, remaining = _replay_messages(deployment, name, url)
        record.outcome = f"{done} done, {remaining} left"
    return done, remaining


def _replay_messages(deployment: Deployment, name: str, url: str) -> tuple[int, int]:
    sqs = deployment.client("sqs")
    arn = deployment.attribute(url, "QueueArn")
    began = time.time()
    done, remaining = 0, list[str]()
    try:
        while messages := sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=VISIBILITY_TIMEOUT_SECONDS,
            WaitTimeSeconds=WAIT_SECONDS,
            MessageSystemAttributeNames=["SentTimestamp"],
        ).get("Messages"):
            remaining += [message["ReceiptHandle"] for message in messages]
            for message in messages:
                is_new = int(message["Attributes"]["SentTimestamp"]) / 1000 > began
                batch = json.loads(message["Body"]).get("DDBStreamBatchInfo")
                if batch is None:
                    raise SystemExit(
                        f"{name} has no pointers to a stream. For dead letters: make redrive"
                    )
                if not is_new and _replay_batch(deployment, batch, arn):
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                    remaining.remove(message["ReceiptHandle"])
                    done += 1
    finally:
        # Otherwise the next replay would find no messages until the visibility timeout ends.
        for handle in remaining:
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    return done, len(remaining)


def preview(deployment: Deployment, name: str) -> str:
    """Return a text with the number of messages. Receiving them would hide them from a replay."""
    url = deployment.queue(name)
    waiting = deployment.attribute(url, "ApproximateNumberOfMessages")
    hidden = deployment.attribute(url, "ApproximateNumberOfMessagesNotVisible")
    return (
        f"{waiting} would be replayed;"
        f" {hidden} more are hidden for at most {VISIBILITY_TIMEOUT_SECONDS} s"
    )


def _replay_batch(deployment: Deployment, batch: Record, queue: str) -> bool:
    lambda_ = deployment.client("lambda")
    records = [*_records(deployment, batch)]
    if len(records) != batch["batchSize"]:
        # A stream keeps records for 24 hours only.
        print(f"{len(records)} of {batch['batchSize']} records are left", batch)
        return False
    mappings = lambda_.list_event_source_mappings(EventSourceArn=batch["streamArn"])
    # While a renamed function is deployed, two mappings have this queue; both versions can replay.
    function = next(
        mapping["FunctionArn"]
        for mapping in mappings["EventSourceMappings"]
        if mapping["DestinationConfig"]["OnFailure"]["Destination"] == queue
    )
    for chunk in batched(records, BATCH_SIZE, strict=False):
        response = lambda_.invoke(
            FunctionName=function, Payload=json.dumps({"Records": chunk}, default=_to_json)
        )
        payload = json.load(response["Payload"])
        if "FunctionError" in response or payload["batchItemFailures"]:
            print(function, "failed again:", payload, batch)
            return False
    return True


def _records(deployment: Deployment, batch: Record) -> Iterator[Record]:
    """Yield the records as Lambda sends them."""
    streams, stream = deployment.client("dynamodbstreams"), batch["streamArn"]
    first, last = int(batch["startSequenceNumber"]), int(batch["endSequenceNumber"])
    iterator = _iterator(streams, batch)
    empty = 0
    while iterator is not None and empty < MAX_EMPTY_PAGES:
        page = _page(streams, iterator)
        empty = 0 if page["Records"] else empty + 1
        for record in page["Records"]:
            if not first <= int(record["dynamodb"]["SequenceNumber"]) <= last:
                return
            yield record | {"eventSourceARN": stream}
        iterator = page.get("NextShardIterator")


def _page(streams: Any, iterator: str) -> Record:
    """Read a page of a shard; wait while DynamoDB throttles the shard's readers."""
    for pause in PAUSES_SECONDS:
        try:
            page: Record = streams.get_records(ShardIterator=iterator)
        except ClientError as error:
            if error.response["Error"]["Code"] not in THROTTLED:
                raise
            time.sleep(pause)
        else:
            return page
    last: Record = streams.get_records(ShardIterator=iterator)
    return last


def _iterator(streams: Any, batch: Record) -> str | None:
    """Return the iterator of the first record, or None if it is gone.

    A pointer that a function dead-lettered names no shard, so all shards are tried.
    """
    shards = [batch["shardId"]] if "shardId" in batch else _shards(streams, batch["streamArn"])
    for shard in shards:
        try:
            found: str = streams.get_shard_iterator(
                StreamArn=batch["streamArn"],
                ShardId=shard,
                ShardIteratorType="AT_SEQUENCE_NUMBER",
                SequenceNumber=batch["startSequenceNumber"],
            )["ShardIterator"]
        except ClientError as error:
            if error.response["Error"]["Code"] not in (
                *("ResourceNotFoundException", "TrimmedDataAccessException"),
                "ValidationException",
            ):
                raise
        else:
            return found
    return None


def _shards(streams: Any, stream: str) -> Iterator[str]:
    """Yield all shards. Only one has the record; the others reject its sequence number."""
    after: dict[str, str] = {}
    while True:
        found = streams.describe_stream(StreamArn=stream, **after)["StreamDescription"]
        yield from (shard["ShardId"] for shard in found["Shards"])
        if "LastEvaluatedShardId" not in found:
            return
        after = {"ExclusiveStartShardId": found["LastEvaluatedShardId"]}


def _to_json(value: object) -> object:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("queue", help="logical id in template.yaml")
    parser.add_argument("--environment", default="default")
    parser.add_argument(
        "--dry-run", action="store_true", help="print the number of messages and replay none"
    )
    options = parser.parse_args()
    deployment = Deployment(options.environment)
    if options.dry_run:
        print(preview(deployment, options.queue))
        return
    done, remaining = replay(deployment, options.queue)
    print(f"{done} done, {remaining} left")
    raise SystemExit(bool(remaining))


if __name__ == "__main__":
    main()
