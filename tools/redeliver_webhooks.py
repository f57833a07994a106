"""``make redeliver-webhooks``: send the failed deliveries of a webhook endpoint again."""

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any  # botocore's client and items

from shop.clock import now
from shop.dynamo.codec import decode, encode
from shop.identifiers import id_of
from shop.webhooks.models import WebhookDelivery
from shop.webhooks.repository import delivery_from_item, delivery_to_item
from tools.audit import audited
from tools.deployments import Deployment


def failed_deliveries(
    dynamodb: Any, table: str, endpoint_id: str, since: datetime
) -> Iterator[WebhookDelivery]:
    """Yield the failed deliveries of events since a time, the oldest first."""
    first = id_of(int(since.timestamp() * 1000), 0)
    query = dynamodb.get_paginator("query").paginate(
        TableName=table,
        IndexName="by_status",
        KeyConditionExpression="endpoint_id = :endpoint AND status_id BETWEEN :first AND :last",
        ExpressionAttributeValues=encode(
            {":endpoint": endpoint_id, ":first": f"failed#{first}", ":last": "failed#~"}
        ),
    )
    for page in query:
        for keys in page["Items"]:
            key = {name: keys[name] for name in ("endpoint_id", "id")}
            found = dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)
            if "Item" in found:
                yield delivery_from_item(decode(found["Item"]))


def redeliver(deployment: Deployment, endpoint_id: str, since: datetime, is_confirmed: bool) -> int:
    """Make the deliveries due, if it is confirmed; return their number. A sweep sends them."""
    dynamodb = deployment.client("dynamodb")
    [table] = [
        it["PhysicalResourceId"]
        for it in deployment.resources()
        if it["LogicalResourceId"] == "WebhooksTable"
    ]
    deliveries = failed_deliveries(dynamodb, table, endpoint_id, since)
    if not is_confirmed:
        return sum(1 for _ in deliveries)
    number = 0
    subject = {"endpoint": endpoint_id}
    with audited(deployment.client, deployment.stack, "redeliver-webhooks", subject) as record:
        for before in deliveries:
            try:
                dynamodb.put_item(
                    TableName=table,
                    Item=encode(delivery_to_item(before.requested_again(now()))),
                    ConditionExpression="version = :version",
                    ExpressionAttributeValues=encode({":version": before.version}),
                )
            except dynamodb.exceptions.ConditionalCheckFailedException:
                continue  # requested meanwhile
            number += 1
            record.outcome = f"{number} due"
    return number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("endpoint", help="id of the endpoint")
    parser.add_argument("since", type=datetime.fromisoformat, help="time of the first event")
    parser.add_argument("--environment", default="default")
    parser.add_argument("--confirm", action="store_true", help="send them, do not only count")
    options = parser.parse_args()
    since = options.since if options.since.tzinfo else options.since.replace(tzinfo=UTC)
    deployment = Deployment(options.environment)
    number = redeliver(deployment, options.endpoint, since, options.confirm)
    print(f"{number} {'are due' if options.confirm else 'would be due'} again")


if __name__ == "__main__":
    main()
