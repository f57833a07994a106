"""Stream records that a queue points to, read again and given to the function that failed."""

import argparse
import base64
import json
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import batched
from typing import Any

from botocore.exceptions import ClientError

from tools.audit import on_record
from tools.deployments import Deployment

AT_ONCE = 100  # records an invocation, as the mappings have it
HIDDEN_SECONDS = 600  # for nobody else to replay the same meanwhile
LOOK_SECONDS = 2  # or SQS asks some of its servers only, and says of a short queue that it is empty
EMPTY_PAGES = 20  # of a stream, in a row, before there is nothing more

# Any: messages and records are whatever JSON and botocore hold.
Record = dict[str, Any]


def replay(deployment: Deployment, name: str) -> tuple[int, int]:
    """How many of a queue's messages were done and are gone, and how many stay.

    What the function sets aside once more is a new message, which is left for another time.
    """
    url = deployment.queue(name)
    with on_record(deployment.client, deployment.stack, "replay", {"queue": name}) as record:
        done, stay = _replayed(deployment, name, url)
        record.outcome = f"{done} done, {stay} left"
    return done, stay


def _replayed(deployment: Deployment, name: str, url: str) -> tuple[int, int]:
    sqs = deployment.client("sqs")
    arn = deployment.attribute(url, "QueueArn")
    began = time.time()
    done, staying = 0, list[str]()
    try:
        while messages := sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=LOOK_SECONDS,
            MessageSystemAttributeNames=["SentTimestamp"],
        ).get("Messages"):
            staying += [message["ReceiptHandle"] for message in messages]
            for message in messages:
                is_new = int(message["Attributes"]["SentTimestamp"]) / 1000 > began
                batch = json.loads(message["Body"]).get("DDBStreamBatchInfo")
                if batch is None:
                    raise SystemExit(
                        f"{name} has no pointers to a stream. Dead letters? make redrive"
                    )
                if not is_new and _is_done(deployment, batch, arn):
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                    staying.remove(message["ReceiptHandle"])
                    done += 1
    finally:
        # Or who runs it again within these minutes would be told that none is left.
        for handle in staying:
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    return done, len(staying)


def preview(deployment: Deployment, name: str) -> str:
    """How many wait, for people. Looking at them would hide them from who replays."""
    url = deployment.queue(name)
    waiting = deployment.attribute(url, "ApproximateNumberOfMessages")
    hidden = deployment.attribute(url, "ApproximateNumberOfMessagesNotVisible")
    return (
        f"{waiting} would be read again; {hidden} more stay hidden for {HIDDEN_SECONDS} s at most"
    )


def _is_done(deployment: Deployment, batch: Record, queue: str) -> bool:
    lambda_ = deployment.client("lambda")
    records = [*_records(deployment, batch)]
    if len(records) != batch["batchSize"]:
        # On a stream for 24 hours only.
        print(f"{len(records)} of {batch['batchSize']} records are left", batch)
        return False
    mappings = lambda_.list_event_source_mappings(EventSourceArn=batch["streamArn"])
    [function] = [
        mapping["FunctionArn"]
        for mapping in mappings["EventSourceMappings"]
        if mapping["DestinationConfig"]["OnFailure"]["Destination"] == queue
    ]
    for chunk in batched(records, AT_ONCE, strict=False):
        answer = lambda_.invoke(
            FunctionName=function, Payload=json.dumps({"Records": chunk}, default=_plain)
        )
        told = json.load(answer["Payload"])
        if "FunctionError" in answer or told["batchItemFailures"]:
            print(function, "failed again:", told, batch)
            return False
    return True


def _records(deployment: Deployment, batch: Record) -> Iterator[Record]:
    """As Lambda would send them."""
    streams, stream = deployment.client("dynamodbstreams"), batch["streamArn"]
    first, last = int(batch["startSequenceNumber"]), int(batch["endSequenceNumber"])
    iterator = _iterator(streams, batch)
    empty = 0
    while iterator is not None and empty < EMPTY_PAGES:
        page = streams.get_records(ShardIterator=iterator)
        empty = 0 if page["Records"] else empty + 1
        for record in page["Records"]:
            if not first <= int(record["dynamodb"]["SequenceNumber"]) <= last:
                return
            yield record | {"eventSourceARN": stream}
        iterator = page.get("NextShardIterator")


def _iterator(streams: Any, batch: Record) -> str | None:
    """Where the batch begins; a function that sets a record aside does not know of which shard."""
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
    """All of them, though only one holds a record: the others refuse its number."""
    after: dict[str, str] = {}
    while True:
        found = streams.describe_stream(StreamArn=stream, **after)["StreamDescription"]
        yield from (shard["ShardId"] for shard in found["Shards"])
        if "LastEvaluatedShardId" not in found:
            return
        after = {"ExclusiveStartShardId": found["LastEvaluatedShardId"]}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("queue", help="its name in template.yaml")
    parser.add_argument("--environment", default="default")
    parser.add_argument("--dry-run", action="store_true", help="say how many, and read none")
    wanted = parser.parse_args()
    deployment = Deployment(wanted.environment)
    if wanted.dry_run:
        print(preview(deployment, wanted.queue))
        return
    done, stay = replay(deployment, wanted.queue)
    print(f"{done} done, {stay} left")
    raise SystemExit(bool(stay))


if __name__ == "__main__":
    main()
