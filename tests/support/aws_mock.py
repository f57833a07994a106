"""AWS with the template's tables, for tests of single handlers and repositories.

moto does not isolate transactions: races are tested on the deployed stack, never here. With
`--dynamodb-local` the tables are in Amazon's DynamoDB Local; moto emulates the other services.
"""

import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

from moto import mock_aws
from moto.core import responses
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.serialize import AttributePickerContext, XFormedAttributePicker
from moto.dynamodb.models import dynamodb_backends
from moto.events.models import events_backends
from moto.secretsmanager.models import secretsmanager_backends

import shop.clients
import shop.events.dependencies
import shop.identity.authenticators.dependencies
import shop.identity.authorization.dependencies
import shop.identity.codes.dependencies
import shop.identity.codes.secrets
import shop.identity.keys.current_key
import shop.identity.keys.key_store
import shop.identity.keys.published_keys
import shop.identity.passkeys.dependencies
import shop.identity.recovery.dependencies
import shop.identity.sessions.dependencies
import shop.mail.dependencies
import shop.oauth.authorizations.dependencies
import shop.oauth.clients.dependencies
import shop.oauth.tokens.authorizer
import shop.oauth.tokens.dependencies
import shop.oauth.tokens.verification
import shop.orders.dependencies
import shop.personal_data.dependencies
import shop.products.dependencies
import shop.system.dependencies
import shop.users.dependencies
import shop.webhooks.dependencies
import shop.webhooks.master_secret
import shop.webhooks.worker
from shop.config import setting
from tests.support.sam_template import resources, template

DYNAMODB_URL = "AWS_ENDPOINT_URL_DYNAMODB"  # read by boto3; moto passes its requests through

# Caches of a sandbox, cleared for every test. Clients stay: creating them takes 0.2 s, and moto
# intercepts them too.
_CACHED = (
    shop.identity.keys.key_store.key_store,
    shop.identity.authenticators.dependencies.authenticator_service,
    shop.identity.authorization.dependencies.published_keys,
    shop.identity.codes.dependencies.code_service,
    shop.identity.codes.secrets.second_factor_secret,
    shop.identity.authorization.dependencies.session_callers,
    shop.identity.keys.current_key.current_signing_key,
    shop.oauth.authorizations.dependencies.authorization_service,
    shop.oauth.clients.dependencies.oauth_client_service,
    shop.oauth.tokens.verification.app_callers,
    shop.oauth.tokens.authorizer.authorizer,
    shop.oauth.tokens.dependencies.inspection_service,
    shop.oauth.tokens.dependencies.token_service,
    shop.identity.keys.published_keys.published_jwks,
    shop.events.dependencies.outbox,
    shop.mail.dependencies.mail_service,
    shop.mail.dependencies.email_resender,
    shop.system.dependencies.dependency_check,
    shop.orders.dependencies.order_service,
    shop.personal_data.dependencies.personal_data_service,
    shop.products.dependencies.product_service,
    shop.identity.passkeys.dependencies.challenge_service,
    shop.identity.passkeys.dependencies.passkey_login_service,
    shop.identity.passkeys.dependencies.passkey_service,
    shop.identity.recovery.dependencies.recovery_service,
    shop.identity.sessions.dependencies.access_token_issuer,
    shop.identity.sessions.dependencies.session_service,
    shop.users.dependencies.user_service,
    shop.webhooks.dependencies.webhook_endpoint_service,
    shop.webhooks.dependencies.webhook_delivery_service,
    shop.webhooks.master_secret._master,
    shop.webhooks.worker.webhook_deliverer,
)


class _ValuePicker(XFormedAttributePicker):
    """Look up a type of DynamoDB, such as `S`, by its name only.

    moto also tries other spellings of all ten types of each value: a fifth of its CPU time.
    """

    def __call__(self, context: AttributePickerContext) -> Any:
        if context.key in _TYPES and isinstance(context.obj, dict):
            return context.obj.get(context.key)
        return super().__call__(context)


_TYPES = frozenset(("S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"))


@contextmanager
def fresh_aws() -> Iterator[None]:
    """Create empty tables, an empty secret, a bus and queues, under the names in the settings."""
    with mock_aws(), patch.object(responses, XFormedAttributePicker.__name__, _ValuePicker):
        for cached in _CACHED:
            cached.cache_clear()
        for attributes, kept in zip(_attributes(), pickle.loads(_empty_shop()), strict=True):
            attributes.update(kept)
        if DYNAMODB_URL in os.environ:
            _delete_used_tables()
            _create_tables()
            _used.clear()
        for queue in ("EMAILS_TO_SEND_QUEUE", "UNPUBLISHED_EVENTS_QUEUE", "WEBHOOKS_TO_SEND_QUEUE"):
            shop.clients.queues().create_queue(QueueName=setting(queue).split("/")[-1])
        shop.clients.mail().create_email_identity(EmailIdentity=setting("MAIL_FROM"))
        yield
        for cached in _CACHED:
            cached.cache_clear()


@cache
def _empty_shop() -> bytes:
    """Create tables, secrets and a bus, and return moto's copies of them.

    Loading a copy takes 1 ms of CPU. Creating them for each test would take 50 ms.
    """
    if DYNAMODB_URL not in os.environ:
        _create_tables()
    shop.clients.secrets().create_secret(Name=setting("SIGNING_KEYS_SECRET"))
    for secret in ("WEBHOOK_SECRET", "SECOND_FACTOR_SECRET"):
        shop.clients.secrets().create_secret(Name=setting(secret), SecretString="m" * 64)
    shop.clients.events().create_event_bus(Name=setting("BUS"))
    return pickle.dumps(_attributes())


def _attributes() -> list[dict[str, Any]]:
    region = os.environ["AWS_DEFAULT_REGION"]
    services = (dynamodb_backends, secretsmanager_backends, events_backends)
    return [backends[DEFAULT_ACCOUNT_ID][region].__dict__ for backends in services]


def _delete_used_tables() -> None:
    """Delete the tables of which the last test has sent a name: creating all takes 0.1 s."""
    client = shop.clients.dynamodb()
    client.meta.events.register("before-call.dynamodb", _note_use, unique_id="used tables")
    for name in client.list_tables()["TableNames"]:
        if name in _used or name not in _table_names().values():
            client.delete_table(TableName=name)


_used: set[str] = set()


# Any: botocore passes the parts of an HTTP request.
def _note_use(params: dict[str, Any], **_: object) -> None:
    _used.update(it for it in _table_names().values() if it.encode() in params["body"])


@cache
def _table_names() -> dict[str, str]:
    """Return the names in the settings by logical id."""
    variables: dict[str, Any] = template()["Globals"]["Function"]["Environment"]["Variables"]
    return {
        value["Ref"]: setting(variable)
        for variable, value in variables.items()
        if variable.endswith("_TABLE")
    }


def _create_tables() -> None:
    present = shop.clients.dynamodb().list_tables()["TableNames"]
    passed = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
    for logical_id, properties in resources("AWS::DynamoDB::Table").items():
        table = _table_names()[logical_id]
        if table not in present:
            shop.clients.dynamodb().create_table(
                TableName=table,
                **{name: properties[name] for name in passed if name in properties},
            )
