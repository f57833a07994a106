"""The edge of a function without a route, which operators, schedules or CloudFormation invoke."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any  # an event and its context are whatever Lambda sends

from shop.correlation import correlation_id
from shop.observability import audit, logger
from shop.redaction import SanitizedError, safe_message

type Ids = Mapping[str, str | Sequence[str]]
type Work = Callable[[dict[str, Any]], Ids]
type Handler = Callable[[dict[str, Any], Any], Ids]


def operation(work: Work) -> Handler:
    """A handler that does the work and leaves one audit line, also of what fails.

    What it gives back is on that line, so ids only. Raises `Failed`, for Lambda logs what it is.
    """

    @wraps(work)
    def handler(event: dict[str, Any], context: Any) -> Ids:
        begin_operation(context)
        action, actor = context.function_name, invoker(event)
        try:
            ids = work(event)
        except Exception as error:
            logger().exception("not done")
            audit(action, actor=actor, subject={}, outcome=type(error).__name__)
            raise SanitizedError(safe_message(error)) from None
        outcome = "dry run" if event.get("dryRun") is True else "done"
        audit(action, actor=actor, subject=ids, outcome=outcome)
        return ids

    return handler


def begin_operation(context: Any) -> None:
    """CloudTrail knows by the request's id who invoked the function; Lambda does not tell it."""
    logger().append_keys(request_id=context.aws_request_id, function_name=context.function_name)
    correlation_id.set(context.aws_request_id)


def invoker(event: Mapping[str, Any]) -> str:
    """As far as the event shows; an operator may say who they are."""
    if event.get("detail-type") == "Scheduled Event":
        return "schedule"
    return "cloudformation" if "ResponseURL" in event else str(event.get("operator", "operator"))
