"""The AWS clients, one of each per sandbox, and the only place where they are tuned.

A request has 10 s (the functions' timeout). A call that hangs is given up after 1 s to connect
or 2 s to answer and tried three times in all, about 7 s, so that 503 is told in time. What tries
again on top of that (transactions, orders) has budgets that end earlier.
"""

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

_CONFIG = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 3},
    tcp_keepalive=True,
)
# SES knows no tokens for requests that are sent again: a second try would be a second mail.
_ONCE = Config(
    connect_timeout=1, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 1}
)


@cache
def dynamodb() -> "DynamoDBClient":
    return boto3.client("dynamodb", config=_CONFIG)


@cache
def secrets() -> "SecretsManagerClient":
    return boto3.client("secretsmanager", config=_CONFIG)


@cache
def parameters() -> "SSMClient":
    return boto3.client("ssm", config=_CONFIG)


@cache
def events() -> "EventBridgeClient":
    return boto3.client("events", config=_CONFIG)


@cache
def queues() -> "SQSClient":
    return boto3.client("sqs", config=_CONFIG)


@cache
def mail() -> "SESV2Client":
    return boto3.client("sesv2", config=_ONCE)
