"""The caller, requests and items, equal for every case."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import replace
from typing import Any  # Any: events are JSON
from uuid import uuid4

import shop.clients
from shop.caller import Caller, Role
from shop.clock import to_text
from shop.identity.accounts.models import UserStatus
from tests.benchmarks.lists import dataset, fill
from tests.benchmarks.peers.cases import GET
from tests.conftest import pytest_configure
from tests.dynamodb_local.process import dynamodb_local
from tests.support.aws_mock import DYNAMODB_URL, fresh_aws
from tests.support.gateway_events import event

USER = replace(dataset.user(1), status=UserStatus.ACTIVE)
# The maximum stock of a product: no run may exhaust it.
PRODUCTS = [replace(dataset.product(number), stock=999_999_999) for number in range(3)]

_TABLE = "peers"
_CALLER = Caller(USER.id, "0190a6b2-7c9e-7b1a-9f00-0000000000a1", Role.CUSTOMER)


@contextmanager
def environment() -> Iterator[dict[str, str]]:
    """Return the environment of functions, with all items in DynamoDB Local."""
    pytest_configure()
    os.environ["ORDERING"] = "on"
    given = {**os.environ}
    with dynamodb_local() as url:
        os.environ[DYNAMODB_URL] = url
        shop.clients.dynamodb.cache_clear()
        with fresh_aws():
            _fill()
            settings = {
                name: value
                for name, value in given.items()
                if name.isupper() and name.endswith(_SETTINGS)
            }
            yield settings | {
                DYNAMODB_URL: url,
                "AWS_ACCESS_KEY_ID": "testing",
                "AWS_SECRET_ACCESS_KEY": "testing",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_REGION": "us-east-1",
                "PEERS_TABLE": _TABLE,
                "POWERTOOLS_METRICS_NAMESPACE": "shop",
            }


_SETTINGS = (
    *("_TABLE", "_SHARDS", "ALLOWED_ORIGINS", "METRICS_NAMESPACE", "ORDERING"),
    *("POWERTOOLS_LOG_LEVEL", "POWERTOOLS_SERVICE_NAME"),
)


def request(method: str) -> dict[str, Any]:
    """Return the gateway's event after the authorizer; each order is unique."""
    path = {"userId": USER.id}
    common = {
        "Accept": "application/json",
        "Host": "abc123.execute-api.us-east-1.amazonaws.com",
        "User-Agent": "curl/8.7.1",
        "X-Forwarded-For": "192.0.2.10",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
    }
    if method == GET:
        made = event("GET /api/users/{userId}", path, headers=common, caller=_CALLER)
    else:
        items = [{"productId": product.id, "quantity": 2} for product in PRODUCTS]
        made = event(
            "POST /api/users/{userId}/orders",
            path,
            body={"items": items, "note": "Please ring twice."},
            headers=common | {"Idempotency-Key": str(uuid4())},
            caller=_CALLER,
        )
    return made | {
        "queryStringParameters": None,
        "requestContext": made["requestContext"]
        | {"httpMethod": method, "resourcePath": made["resource"], "stage": "local"},
        "stageVariables": None,
    }


def check(method: str, response: Mapping[str, Any]) -> None:
    """Raise `ValueError` unless the response is the expected one."""
    expected, holds = (200, USER.name) if method == GET else (201, PRODUCTS[2].id)
    if response.get("statusCode") != expected or holds not in _text(response["body"]):
        raise ValueError(response)


def _text(body: str) -> str:
    return json.dumps(json.loads(body), ensure_ascii=False)


def _fill() -> None:
    fill.add_users([USER])
    fill.add_products(PRODUCTS)
    client = shop.clients.dynamodb()
    client.create_table(
        TableName=_TABLE,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    kept = {
        "id": USER.id,
        "email": USER.email,
        "name": USER.name,
        "status": USER.status.value,
        "role": USER.role.value,
        "createdAt": to_text(USER.created_at),
        "updatedAt": to_text(USER.updated_at),
    }
    client.put_item(TableName=_TABLE, Item={name: {"S": text} for name, text in kept.items()})
