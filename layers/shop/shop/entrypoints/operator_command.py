"""Operator commands: functions that operators invoke, with a dry run before confirmation."""

import json
import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any  # an event and its context come from Lambda

from pydantic import ValidationError

from shop.caller import Caller, Role
from shop.entrypoints.operation import begin_operation
from shop.errors import ShopError
from shop.http.validation import validation_failed
from shop.observability import audit, logger
from shop.operators.commands import Command
from shop.redaction import SanitizedError, safe_message

type CommandResult = Mapping[str, str | int]
type JsonObject = dict[str, Any]

# The operator that `make` sends: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
_ARN = re.compile(r"arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:[A-Za-z0-9_+=,.@/-]{1,512}")


def act_as(user_id: str) -> Caller:
    """Return a caller with which an operator acts on the account of a user, as an admin."""
    return Caller(user_id, session_id="", role=Role.ADMIN)


def operator_command[C: Command](
    schema: type[C],
) -> Callable[[Callable[[C], CommandResult]], Callable[[JsonObject, Any], JsonObject]]:
    """Return a handler that writes one audit line for each command, whatever its outcome.

    A rejected command is a result, so that a typing error triggers no alarm of failed functions.
    All other errors raise `SanitizedError`, as in `operation`.
    """

    def decorate(work: Callable[[C], CommandResult]) -> Callable[[JsonObject, Any], JsonObject]:
        @wraps(work)
        def handler(event: JsonObject, context: Any) -> JsonObject:
            begin_operation(context)
            try:
                command = schema.model_validate_json(json.dumps(event))
            except ValidationError as error:
                rejection = validation_failed("event", error)
                outcome = type(rejection).__name__
                # Without the other input, which may contain a name or an address.
                audit(context.function_name, actor=_sender(event), subject={}, outcome=outcome)
                return _rejected(rejection)
            return _execute(command, work)

        return handler

    return decorate


def _sender(event: object) -> str:
    """Return the operator of an invalid command, if it is an ARN: other text may be anything."""
    sender = event.get("operator") if isinstance(event, dict) else None
    return sender if isinstance(sender, str) and _ARN.fullmatch(sender) else "operator"


def _execute[C: Command](command: C, work: Callable[[C], CommandResult]) -> JsonObject:
    outcome = "failed"
    try:
        result = work(command)
        outcome = "done" if command.is_confirmed else "dry run"
    except ShopError as error:
        outcome = type(error).__name__
        return _rejected(error)
    except Exception as error:
        logger().exception("failed")
        raise SanitizedError(safe_message(error)) from None
    finally:
        audit(command.action, actor=command.operator, subject=command.subject, outcome=outcome)
    return {"outcome": outcome, "facts": dict(result)}


def _rejected(error: ShopError) -> JsonObject:
    details = [f"{field}: {message}" for field, _, message in error.details]
    return {"outcome": "refused", "code": error.code, "why": [error.message, *details]}
