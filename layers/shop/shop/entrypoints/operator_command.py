"""The edge of a function that operators invoke by hand: a dry run, or it is confirmed."""

import json
import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any  # an event and its context are whatever Lambda sends

from pydantic import ValidationError

from shop.caller import Caller, Role
from shop.entrypoints.operation import begin_operation
from shop.errors import ShopError
from shop.http.validation import validation_failed
from shop.observability import audit, logger
from shop.operators.commands import Command
from shop.redaction import SanitizedError, safe_message

type CommandResult = Mapping[str, str | int]
type Event = dict[str, Any]

# As `make` sends it: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
_ARN = re.compile(r"arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:[A-Za-z0-9_+=,.@/-]{1,512}")


def act_as(user_id: str) -> Caller:
    """An operator, who acts on a user's account with an admin's power."""
    return Caller(user_id, session_id="", role=Role.ADMIN)


def operator_command[C: Command](
    wanted: type[C],
) -> Callable[[Callable[[C], CommandResult]], Callable[[Event, Any], Event]]:
    """A handler that leaves one audit line for each command, be it done, tried or refused.

    A refusal is an answer, so that no alarm of failed functions rings for a slip of the hand.
    Raises `Failed` for all else, as `operation` does.
    """

    def decorate(work: Callable[[C], CommandResult]) -> Callable[[Event, Any], Event]:
        @wraps(work)
        def handler(event: Event, context: Any) -> Event:
            begin_operation(context)
            try:
                command = wanted.model_validate_json(json.dumps(event))
            except ValidationError as error:
                refusal = validation_failed("event", error)
                outcome = type(refusal).__name__
                # Nothing else of what was sent, which may be anybody's name or address.
                audit(context.function_name, actor=_sender(event), subject={}, outcome=outcome)
                return _rejected(refusal)
            return _carry_out(command, work)

        return handler

    return decorate


def _sender(event: object) -> str:
    """Of what is no command; a text that is no ARN may be anything."""
    said = event.get("operator") if isinstance(event, dict) else None
    return said if isinstance(said, str) and _ARN.fullmatch(said) else "operator"


def _carry_out[C: Command](command: C, work: Callable[[C], CommandResult]) -> Event:
    outcome = "failed"
    try:
        facts = work(command)
        outcome = "done" if command.is_confirmed else "dry run"
    except ShopError as error:
        outcome = type(error).__name__
        return _rejected(error)
    except Exception as error:
        logger().exception("not done")
        raise SanitizedError(safe_message(error)) from None
    finally:
        audit(command.action, actor=command.operator, subject=command.subject, outcome=outcome)
    return {"outcome": outcome, "facts": dict(facts)}


def _rejected(error: ShopError) -> Event:
    details = [f"{field}: {message}" for field, _, message in error.details]
    return {"outcome": "refused", "code": error.code, "why": [error.message, *details]}
