"""The one logger: a JSON line per request or unit of work, no token and no personal data."""

from collections.abc import Mapping, Sequence
from functools import cache

from aws_lambda_powertools import Logger


@cache
def logger() -> Logger:
    """Its level is POWERTOOLS_LOG_LEVEL and its service POWERTOOLS_SERVICE_NAME."""
    return Logger(location=None, use_rfc3339=True, utc=True)


def audit(
    action: str, *, actor: str, subject: Mapping[str, str | Sequence[str]], outcome: int | str
) -> None:
    """Leaves on record who did what with an admin's or an operator's power, and how it ended.

    `action` is a route or a function's name; `actor` a user's id, or what invoked the function;
    `subject` names by their ids what it was done to; `outcome` is the status or the error's class.
    Edges say it once for each action, after having appended `request_id` and `function_name`.
    """
    logger().info("admin action", action=action, actor=actor, subject=subject, outcome=outcome)
