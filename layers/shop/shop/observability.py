"""The one logger: a JSON line per request or unit of work, no token and no personal data."""

import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any  # a line's values

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import BasePowertoolsFormatter

from shop.redaction import safe_traceback


@cache
def logger() -> Logger:
    """Its level is POWERTOOLS_LOG_LEVEL and its service POWERTOOLS_SERVICE_NAME."""
    # Lambda sets the root's level to the function's, and at DEBUG the SDK logs all that it sends.
    logging.getLogger().setLevel(logging.WARNING)
    # What no line tells is not looked up for each: https://docs.python.org/3/howto/logging.html#optimization
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    return Logger(logger_formatter=_Formatter())


def audit(
    action: str, *, actor: str, subject: Mapping[str, str | Sequence[str]], outcome: int | str
) -> None:
    """Leaves on record who did what with an admin's or an operator's power, and how it ended.

    `action` is a route or a function's name; `actor` a user's id, or what invoked the function;
    `subject` names by their ids what it was done to; `outcome` is the status or the error's class.
    Edges say it once for each action, after having appended `request_id` and `function_name`.
    """
    logger().info("admin action", action=action, actor=actor, subject=subject, outcome=outcome)


class _Formatter(BasePowertoolsFormatter):
    """Powertools' own line, in a third of its time, since it tells the same of each.

    But exceptions without their messages, which may quote what somebody sent.
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
        told = {
            "level": record.levelname,
            "message": record.getMessage(),
            "timestamp": moment.isoformat(timespec="milliseconds"),
            **self._keys,
            **{name: value for name, value in record.__dict__.items() if name not in _STANDARD},
        }
        if record.exc_info and record.exc_info[1]:
            error = record.exc_info[1]
            told |= {"exception": safe_traceback(error), "exception_name": type(error).__name__}
        told["xray_trace_id"] = _trace_id()
        return self._to_json({n: value for n, value in told.items() if value is not None})


def _trace_id() -> str | None:
    """Of the invocation, by which its trace is found where there is one."""
    root = os.environ.get("_X_AMZN_TRACE_ID", "").partition(";")[0]
    return root.removeprefix("Root=") or None


# What a line says itself cannot be said by one who logs.
_STANDARD = {*logging.makeLogRecord({}).__dict__, "level", "message", "timestamp", "asctime"}
