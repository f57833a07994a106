"""The audit lines of what operators do from where they sit, beside those of the functions."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

_STREAM = "by-hand"


# Any: a function that makes clients, of which botocore learns at run time.
def leave_audit_line(
    client: Any,
    stack: str,
    action: str,
    subject: Mapping[str, str | Sequence[str]],
    outcome: str,
) -> None:
    """In the shape of `shop.observability.audit`; `client` makes clients of the deployment."""
    logs, group, moment = client("logs"), f"/{stack}/ops", datetime.now(UTC)
    line = {
        "level": "INFO",
        "message": "admin action",
        "timestamp": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z",
        "action": action,
        "actor": client("sts").get_caller_identity()["Arn"],
        "subject": subject,
        "outcome": outcome,
    }
    with suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_stream(logGroupName=group, logStreamName=_STREAM)
    event = {"timestamp": int(moment.timestamp() * 1000), "message": json.dumps(line)}
    logs.put_log_events(logGroupName=group, logStreamName=_STREAM, logEvents=[event])
