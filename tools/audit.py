"""The audit lines of what operators do from where they sit, beside those of the functions."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_STREAM = "by-hand"


@dataclass
class Ending:
    outcome: str = "stopped"


# Any: as below.
@contextmanager
def on_record(client: Any, stack: str, action: str, subject: Mapping[str, str]) -> Iterator[Ending]:
    """Leaves a line before the work, which is not begun without it, and one of how it ended.

    The first is all that is left where the program is killed; the second says `stopped` unless
    the work says better.
    """
    leave_audit_line(client, stack, action, subject, "begun")
    ending = Ending()
    try:
        yield ending
    finally:
        leave_audit_line(client, stack, action, subject, ending.outcome)


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
