"""Operations: functions without a route, invoked by operators, schedules or CloudFormation."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any  # an event and its context come from Lambda

from shop.correlation import correlation_id
from shop.observability import audit, logger
from shop.redaction import SanitizedError, safe_message

type Ids = Mapping[str, str | Sequence[str]]
type Work = Callable[[dict[str, Any]], Ids]
type Handler = Callable[[dict[str, Any], Any], Ids]


def operation(work: Work) -> Handler:
    """Return a handler that does the work and writes one audit line, also after a failure.

    The work returns ids only, for the audit line. The handler raises `SanitizedError`, since Lambda
    logs exceptions.
    """

    @wraps(work)
    def handler(event: dict[str, Any], context: Any) -> Ids:
        begin_operation(context)
        action, actor = context.function_name, invoker(event)
        try:
            ids = work(event)
        except Exception as error:
            logger().exception("failed")
            audit(action, actor=actor, subject={}, outcome=type(error).__name__)
            raise SanitizedError(safe_message(error)) from None
        outcome = "dry run" if event.get("dryRun") is True else "done"
        audit(action, actor=actor, subject=ids, outcome=outcome)
        return ids

    return handler


def begin_operation(context: Any) -> None:
    """Add the request id to log lines: CloudTrail has its caller, which Lambda does not pass."""
    logger().append_keys(request_id=context.aws_request_id, function_name=context.function_name)
    correlation_id.set(context.aws_request_id)


def invoker(event: Mapping[str, Any]) -> str:
    """Return the kind of invoker; an operator may pass an identity in the event."""
    if event.get("detail-type") == "Scheduled Event":
        return "schedule"
    return "cloudformation" if "ResponseURL" in event else str(event.get("operator", "operator"))
