"""The same reads by Scan and filter, without indexes: for comparison only."""

from typing import Any  # Any: scan arguments have several types

import boto3
from botocore.config import Config

from shop.dynamo import tables
from tests.benchmarks.lists.meter import Cost, metered_reads

FILTERS: dict[str, dict[str, Any]] = {
    "all, to be sorted in memory": {},
    "of one status": {
        "FilterExpression": "#status = :active",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {":active": {"S": "active"}},
    },
    "that hold a text": {
        "FilterExpression": "contains(#name, :text) OR contains(email, :text)",
        "ExpressionAttributeNames": {"#name": "name"},
        "ExpressionAttributeValues": {":text": {"S": "nobody"}},
    },
}


def costs() -> dict[str, Cost]:
    """Scan the users: any page costs this, since sorting needs all of them."""
    # DynamoDB Local needs longer for a megabyte than our functions' timeout.
    patient = boto3.client("dynamodb", config=Config(read_timeout=60))
    found = {}
    for name, filters in FILTERS.items():
        with metered_reads(patient) as cost:
            for _ in patient.get_paginator("scan").paginate(TableName=tables.users(), **filters):
                pass
        found[name] = cost
    return found
