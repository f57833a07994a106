"""Logging: one JSON line per request or unit of work, without tokens and personal data."""

import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any  # the values of a log line

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import BasePowertoolsFormatter

from shop.redaction import safe_traceback


@cache
def logger() -> Logger:
    """Return the logger, with POWERTOOLS_LOG_LEVEL and POWERTOOLS_SERVICE_NAME."""
    # Lambda sets the root logger to the function's level, and at DEBUG the SDK logs all requests.
    logging.getLogger().setLevel(logging.WARNING)
    # Not computed for each line, since no line contains them: https://docs.python.org/3/howto/logging.html#optimization
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    return Logger(logger_formatter=_Formatter())


def audit(
    action: str,
    *,
    actor: str,
    subject: Mapping[str, str | Sequence[str]],
    outcome: int | str,
    client_id: str | None = None,
) -> None:
    """Log an action with the privileges of an admin or an operator, and its outcome.

    `action` is a route or the name of a function, `actor` the id of a user or the invoker of the
    function, `subject` the ids of the affected resources, `outcome` a status or the class of an
    error, `client_id` the third-party app that acted for the user. Entry points call it once per
    action, after appending `request_id` and `function_name`.
    """
    app: dict[str, Any] = {} if client_id is None else {"client_id": client_id}
    logger().info(
        "admin action", action=action, actor=actor, subject=subject, outcome=outcome, **app
    )


class _Formatter(BasePowertoolsFormatter):
    """Powertools' log line with fixed fields, in a third of the time.

    Exceptions are logged without their messages, which may contain user input.
    """

    def __init__(self) -> None:
        super().__init__()
        self._keys: dict[str, Any] = {}
        self._to_json = json.JSONEncoder(
            ensure_ascii=False, separators=(",", ":"), default=str
        ).encode

    def append_keys(self, **additional_keys: Any) -> None:
        self._keys |= additional_keys

    def remove_keys(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._keys.pop(key, None)

    def clear_state(self) -> None:
        self._keys.clear()

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        fields = {
            "level": record.levelname,
            "message": record.getMessage(),
            "timestamp": moment.isoformat(timespec="milliseconds"),
            **self._keys,
            **{name: value for name, value in record.__dict__.items() if name not in _STANDARD},
        }
        if record.exc_info and record.exc_info[1]:
            error = record.exc_info[1]
            fields |= {"exception": safe_traceback(error), "exception_name": type(error).__name__}
        fields["xray_trace_id"] = _trace_id()
        return self._to_json({n: value for n, value in fields.items() if value is not None})


def _trace_id() -> str | None:
    """Return the trace id of the invocation, or None."""
    root = os.environ.get("_X_AMZN_TRACE_ID", "").partition(";")[0]
    return root.removeprefix("Root=") or None


# Fields that callers of the logger cannot set.
_STANDARD = {*logging.makeLogRecord({}).__dict__, "level", "message", "timestamp", "asctime"}
