"""The audit lines of what operators do with tables themselves, beside those of the functions."""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import boto3

from shop.clock import now, to_text

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import InputLogEventTypeDef

_STREAM = "by-hand"


def leave_audit_line(
    stack: str, action: str, subject: Mapping[str, str | Sequence[str]], outcome: str
) -> None:
    """In the shape of `shop.observability.audit`."""
    logs, group = boto3.client("logs"), f"/{stack}/ops"
    line = {
        "level": "INFO",
        "message": "admin action",
        "timestamp": to_text(now()),
        "action": action,
        "actor": boto3.client("sts").get_caller_identity()["Arn"],
        "subject": subject,
        "outcome": outcome,
    }
    with suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_stream(logGroupName=group, logStreamName=_STREAM)
    event: InputLogEventTypeDef = {
        "timestamp": int(time.time() * 1000),
        "message": json.dumps(line),
    }
    logs.put_log_events(logGroupName=group, logStreamName=_STREAM, logEvents=[event])
