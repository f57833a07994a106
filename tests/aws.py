"""AWS with the template's tables, for tests of handlers and repositories one at a time.

moto's, which does not isolate transactions: races are tested on the deployed stack, never here.
With `--dynamodb-local` the tables are on Amazon's DynamoDB Local, and the rest stays moto's.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto import mock_aws

import shop.auth.key_store
import shop.auth.provide
import shop.auth.published_keys
import shop.clients
import shop.events.provide
import shop.mail.provide
import shop.operations.provide
import shop.orders.provide
import shop.products.provide
import shop.recovery.provide
import shop.sessions.provide
import shop.users.provide
from shop.config import setting
from tests.template import resources, template

DYNAMODB_URL = "AWS_ENDPOINT_URL_DYNAMODB"  # boto3 reads it, and moto lets its requests pass

# What functions put together once in a sandbox, and every test anew; but for the clients, which
# take 0.2 s to make and go through moto as well.
_CACHED = (
    shop.auth.key_store.key_store,
    shop.auth.provide.authorizer,
    shop.auth.published_keys.published_jwks,
    shop.events.provide.outbox,
    shop.mail.provide.mail_service,
    shop.mail.provide.resending,
    shop.operations.provide.dependency_check,
    shop.orders.provide.order_service,
    shop.products.provide.product_service,
    shop.recovery.provide.recovery_service,
    shop.sessions.provide.access_token_issuer,
    shop.sessions.provide.session_service,
    shop.users.provide.user_service,
)


@contextmanager
def fresh_aws() -> Iterator[None]:
    """Empty tables, an empty secret, a bus and a queue, under the names that the settings have."""
    with mock_aws():
        for cached in _CACHED:
            cached.cache_clear()
        if DYNAMODB_URL in os.environ:
            _delete_tables()
        _create_tables()
        shop.clients.secrets().create_secret(Name=setting("SIGNING_KEYS_SECRET"))
        shop.clients.events().create_event_bus(Name=setting("BUS"))
        shop.clients.queues().create_queue(QueueName="unpublished")
        shop.clients.queues().create_queue(QueueName=setting("EMAILS_TO_SEND_QUEUE").split("/")[-1])
        shop.clients.mail().create_email_identity(EmailIdentity=setting("MAIL_FROM"))
        yield
        for cached in _CACHED:
            cached.cache_clear()


def _delete_tables() -> None:
    for name in shop.clients.dynamodb().list_tables()["TableNames"]:
        shop.clients.dynamodb().delete_table(TableName=name)


def _create_tables() -> None:
    variables: dict[str, Any] = template()["Globals"]["Function"]["Environment"]["Variables"]
    names = {
        value["Ref"]: setting(variable)
        for variable, value in variables.items()
        if variable.endswith("_TABLE")
    }
    passed = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
    for logical_id, properties in resources("AWS::DynamoDB::Table").items():
        shop.clients.dynamodb().create_table(
            TableName=names[logical_id],
            **{name: properties[name] for name in passed if name in properties},
        )
