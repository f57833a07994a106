"""Records of DynamoDB Local's streams for a request, in the format of Lambda's events."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any  # Any: records are JSON

import boto3

from shop.clients import dynamodb
from shop.dynamo import tables

type Batches = dict[str, dict[str, Any]]


def enable() -> None:
    for table in (tables.users(), tables.orders(), tables.products()):
        dynamodb().update_table(
            TableName=table,
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )


@contextmanager
def batches_of(url: str) -> Iterator[Batches]:
    """Yield events by table, filled at the end with everything that was written."""
    client = boto3.client("dynamodbstreams", endpoint_url=url)
    marks: dict[str, tuple[str, str]] = {}
    for stream in client.list_streams()["Streams"]:
        arn = stream["StreamArn"]
        (shard,) = client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        marks[stream["TableName"]] = (
            arn,
            client.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST"
            )["ShardIterator"],
        )
    batches: Batches = {}
    yield batches
    for table, (arn, mark) in marks.items():
        records: list[Any] = list(client.get_records(ShardIterator=mark)["Records"])
        for record in records:
            change = record["dynamodb"]
            at: datetime = change["ApproximateCreationDateTime"]
            change["ApproximateCreationDateTime"] = int(at.timestamp())
            record["eventSourceARN"] = arn
        if records:
            batches[table] = {"Records": records}
