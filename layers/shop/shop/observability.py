"""The one logger: a JSON line per request or unit of work, no token and no personal data."""

import logging
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any  # an exception as `logging` passes it on, and a line's values

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from shop.redaction import trace_of


@cache
def logger() -> Logger:
    """Its level is POWERTOOLS_LOG_LEVEL and its service POWERTOOLS_SERVICE_NAME."""
    # Lambda sets the root's level to the function's, and at DEBUG the SDK logs all that it sends.
    logging.getLogger().setLevel(logging.WARNING)
    formatter = _Formatter(utc=True, use_rfc3339=True, serialize_stacktrace=False)
    return Logger(location=None, logger_formatter=formatter)


def audit(
    action: str, *, actor: str, subject: Mapping[str, str | Sequence[str]], outcome: int | str
) -> None:
    """Leaves on record who did what with an admin's or an operator's power, and how it ended.

    `action` is a route or a function's name; `actor` a user's id, or what invoked the function;
    `subject` names by their ids what it was done to; `outcome` is the status or the error's class.
    Edges say it once for each action, after having appended `request_id` and `function_name`.
    """
    logger().info("admin action", action=action, actor=actor, subject=subject, outcome=outcome)


class _Formatter(LambdaPowertoolsFormatter):
    """Tells exceptions without their messages, which may quote what somebody sent."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 (the name is the standard library's)
        return trace_of(ei[1])

    def serialize(self, log: Any) -> str:
        log.pop("exception_notes", None)
        return super().serialize(log)
