"""Audit lines of operator tools, in the log group of the operator functions."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any  # botocore creates its clients at run time

_STREAM = "by-hand"


@dataclass
class AuditRecord:
    outcome: str = "stopped"


@contextmanager
def audited(
    client: Any, stack: str, action: str, subject: Mapping[str, str]
) -> Iterator[AuditRecord]:
    """Write an audit line before the work and another with its outcome.

    Without the first line the work does not start. If the process is killed, only the first line
    exists. The outcome is `stopped` unless the work sets another.
    """
    write_audit_line(client, stack, action, subject, "begun")
    record = AuditRecord()
    try:
        yield record
    finally:
        write_audit_line(client, stack, action, subject, record.outcome)


def write_audit_line(
    client: Any,
    stack: str,
    action: str,
    subject: Mapping[str, str | Sequence[str]],
    outcome: str,
) -> None:
    """Write a line in the shape of `shop.observability.audit`; `client` creates AWS clients."""
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
