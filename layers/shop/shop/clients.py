"""The AWS clients, one of each per sandbox, and the only place where they are tuned.

A request has 10 s (the functions' timeout). A call that hangs is given up after 1 s to connect
or 2 s to answer and tried three times in all, about 9 s, so that 503 is told in time. What tries
again on top of that (transactions, orders) has budgets that end earlier, and whatever several
calls take one after another, `shop.deadline` ends it. docs/timeouts.md has the arithmetic.

Retries are the SDK's standard mode: adaptive would slow every call of a sandbox down because one
table throttles it, and a sandbox has one request at a time. A sandbox that meets failures only
soon fails at once, by the mode's quota: a retry takes 14 of 500, after throttling 5.

They are botocore's own: boto3, which only passes them on, has its part for S3 along, and would be
a twentieth of a cold start.
"""

import json
import os
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any, cast  # botocore makes its clients and answers at run time

import botocore.session
from botocore.config import Config
from botocore.exceptions import HTTPClientError

from shop.tracing import instrumented

if TYPE_CHECKING:
    from mypy_boto3_codedeploy import CodeDeployClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

TRIES = 3
_PAUSE = 0.05  # seconds
_DAMAGED = "Damaged"  # beside what an answer says

_CONFIG = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": TRIES},
    # A sandbox is frozen between requests, and what lies between may forget its connections.
    tcp_keepalive=True,
)
# DynamoDB checks what it gets itself, and its ValidationException is told like botocore's own: 500,
# not tried again. Values are made by `shop.dynamo.codec` alone, and mypy knows all other members.
_STORE = _CONFIG.merge(Config(parameter_validation=False))
# SES knows no tokens for requests that are sent again: a second try would be a second mail.
_ONCE = Config(
    connect_timeout=1, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 1}
)
# A deployment has all functions checked at one moment, so that CodeDeploy and Lambda throttle; and
# a function that is invoked may be cold, and has 10 s.
_LONG_RUNNING = Config(
    connect_timeout=1, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 6}
)


class DamagedAnswer(HTTPClientError):
    """What came is not what was sent."""

    fmt = "The answer to {operation} is damaged."


@cache
def dynamodb() -> "DynamoDBClient":
    return cast("DynamoDBClient", instrumented(with_checksum_retry(_client("dynamodb", _STORE))))


@cache
def secrets() -> "SecretsManagerClient":
    return cast(
        "SecretsManagerClient",
        instrumented(with_checksum_retry(_client("secretsmanager", _CONFIG))),
    )


@cache
def parameters() -> "SSMClient":
    return cast("SSMClient", instrumented(with_checksum_retry(_client("ssm", _CONFIG))))


@cache
def events() -> "EventBridgeClient":
    return cast("EventBridgeClient", instrumented(with_checksum_retry(_client("events", _CONFIG))))


@cache
def queues() -> "SQSClient":
    return cast("SQSClient", instrumented(with_checksum_retry(_client("sqs", _CONFIG))))


@cache
def mail() -> "SESV2Client":
    return cast("SESV2Client", instrumented(_client("sesv2", _ONCE)))


@cache
def deployments() -> "CodeDeployClient":
    return cast(
        "CodeDeployClient", instrumented(with_checksum_retry(_client("codedeploy", _LONG_RUNNING)))
    )


@cache
def functions() -> "LambdaClient":
    return cast("LambdaClient", instrumented(_client("lambda", _LONG_RUNNING)))


@cache
def _session() -> botocore.session.Session:
    session = botocore.session.get_session()
    # Said once; botocore finds out about itself anew for each call, a tenth of a call's CPU.
    agent = f"shop Botocore/{botocore.__version__} {os.environ.get('AWS_EXECUTION_ENV', '')}"
    session.set_default_client_config(Config(user_agent=agent.strip()))
    return session


def _client(service: str, config: Config) -> Any:
    return _session().create_client(service, config=config)


def with_checksum_retry[Client: Any](client: Client) -> Client:
    """Has a damaged answer asked for again, which only botocore's legacy mode does.

    In standard mode one that is no JSON is read as empty: as an item that does not exist.
    """
    client.meta.events.register("before-parse", _mark_if_damaged)
    client.meta.events.register("needs-retry", _pause_before_another_try)
    return client


def _mark_if_damaged(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object
) -> None:
    if _is_damaged(response_dict["body"], response_dict["headers"].get("x-amz-crc32")):
        response_dict["body"] = b"{}"
        customized_response_dict[_DAMAGED] = True


def _is_damaged(body: bytes, checksum: str | None) -> bool:
    """By DynamoDB's checksum; what the others answer has none, and is short."""
    if checksum is not None:
        return zlib.crc32(body) != int(checksum)
    try:
        json.loads(body)
    except ValueError:
        return True
    return False


def _pause_before_another_try(
    response: Any, attempts: int, operation: Any, **_: object
) -> float | None:
    if response is None or _DAMAGED not in response[1]:
        return None
    if attempts < TRIES:
        return _PAUSE
    raise DamagedAnswer(operation=operation.name)
