"""The store of every peer: one client, one read, one conditional write."""

import os
import time
import uuid

import boto3

_dynamodb = boto3.client("dynamodb")
_TABLE = os.environ["PEERS_TABLE"]


def user(user_id):
    found = _dynamodb.get_item(TableName=_TABLE, Key={"id": {"S": user_id}}).get("Item")
    if found is None:
        return None
    return {name: value["S"] for name, value in found.items()}


def place(user_id, items, note):
    order = {
        "id": str(uuid.uuid4()),
        "userId": user_id,
        "status": "pending",
        "items": items,
        "note": note,
        "createdAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    lines = [
        {"M": {"productId": {"S": it["productId"]}, "quantity": {"N": str(it["quantity"])}}}
        for it in items
    ]
    stored = {name: {"S": order[name]} for name in ("id", "userId", "status", "createdAt")}
    stored |= {"items": {"L": lines}, "note": {"NULL": True} if note is None else {"S": note}}
    _dynamodb.put_item(
        TableName=_TABLE, Item=stored, ConditionExpression="attribute_not_exists(id)"
    )
    return order
