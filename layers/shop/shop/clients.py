"""AWS clients: one of each per sandbox, and the only place that configures them.

A request has 10 s, the timeout of the functions. A call times out after 1 s to connect or 2 s to
read and is attempted three times, about 9 s in total, so the client gets a 503 in time. Retries on
top of that (transactions, orders) have smaller budgets, and `shop.deadline` limits sequences of
calls. docs/timeouts.md has the arithmetic.

Retries use the SDK's standard mode. Adaptive mode would slow down every call of a sandbox when one
table throttles, and a sandbox handles one request at a time. The retry quota of the mode makes a
sandbox without successful calls fail fast: a retry takes 14 of 500 tokens, after throttling 5.

The clients are botocore's: importing boto3 and its S3 support would take a twentieth of a cold
start.
"""

import json
import os
import zlib
from functools import cache
from typing import (  # botocore creates its clients and responses at run time
    TYPE_CHECKING,
    Any,
    cast,
)

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

MAX_ATTEMPTS = 3
_PAUSE = 0.05  # seconds
_DAMAGED = "Damaged"  # a member that marks a parsed response

_CONFIG = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": MAX_ATTEMPTS},
    # A sandbox is frozen between requests, and the network may drop its idle connections.
    tcp_keepalive=True,
)
# DynamoDB validates parameters itself, and its ValidationException has the same result as
# botocore's: 500 without a retry. Only `shop.dynamo.codec` creates values; mypy checks the rest.
_STORE = _CONFIG.merge(Config(parameter_validation=False))
# SES has no idempotency token, so never retry: a retry could send the email twice.
_ONCE = Config(
    connect_timeout=1, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 1}
)
# A deployment checks all functions at once, so CodeDeploy and Lambda throttle. An invoked function
# may be cold, and has 10 s.
_LONG_RUNNING = Config(
    connect_timeout=1, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 6}
)


class DamagedResponse(HTTPClientError):
    """A response that does not match its checksum, or is not JSON."""

    fmt = "The response to {operation} is damaged."


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
    # Set once: otherwise botocore computes it for each call, a tenth of the call's CPU time.
    agent = f"shop Botocore/{botocore.__version__} {os.environ.get('AWS_EXECUTION_ENV', '')}"
    session.set_default_client_config(Config(user_agent=agent.strip()))
    return session


def _client(service: str, config: Config) -> Any:
    return _session().create_client(service, config=config)


def with_checksum_retry[Client: Any](client: Client) -> Client:
    """Retry damaged responses, which only botocore's legacy mode does.

    Standard mode parses a response that is not JSON as empty: as an item that does not exist.
    """
    client.meta.events.register("before-parse", _mark_if_damaged)
    client.meta.events.register("needs-retry", _pause_before_retry)
    return client


def _mark_if_damaged(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object
) -> None:
    if _is_damaged(response_dict["body"], response_dict["headers"].get("x-amz-crc32")):
        response_dict["body"] = b"{}"
        customized_response_dict[_DAMAGED] = True


def _is_damaged(body: bytes, checksum: str | None) -> bool:
    """Check DynamoDB's checksum; the short responses of other services have none."""
    if checksum is not None:
        return zlib.crc32(body) != int(checksum)
    try:
        json.loads(body)
    except ValueError:
        return True
    return False


def _pause_before_retry(response: Any, attempts: int, operation: Any, **_: object) -> float | None:
    if response is None or _DAMAGED not in response[1]:
        return None
    if attempts < MAX_ATTEMPTS:
        return _PAUSE
    raise DamagedResponse(operation=operation.name)
