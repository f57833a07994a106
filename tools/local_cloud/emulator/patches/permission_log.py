"""What functions asked IAM for, and what it said, in a file."""

import json
from typing import Any

from ministack.core import iam_evaluator

from tools.local_cloud.emulator.patches.pinned import pinned
from tools.local_cloud.emulator.settings import Settings


def apply(settings: Settings) -> None:
    record_iam_decisions(settings)


def record_iam_decisions(settings: Settings) -> None:
    """Write each role, action and resource down, once for each answer.

    Here all requests meet: of functions, and of the mappings that act for them. A transaction
    has come apart into the actions that IAM knows, and a batch into its tables.
    """
    evaluate = pinned(iam_evaluator, "evaluate", "ctx policies limits")
    pinned(iam_evaluator, "enforce", source="result = evaluate(")
    pinned(iam_evaluator, "EvalContext", source="principal_arn: str")
    record = settings.permission_log.open("a", encoding="utf-8", buffering=1)
    known = set()

    # Any: the emulator's own records.
    def recorded(context: Any, *policies: Any) -> Any:
        result = evaluate(context, *policies)
        if role := _role(context.principal_arn):
            allowed = result.decision == "Allow"
            asked = (role, context.action, context.resource_arn, allowed)
            if asked not in known:
                known.add(asked)
                names = ("role", "action", "resource", "allowed")
                record.write(json.dumps(dict(zip(names, asked, strict=True))) + "\n")
        return result

    iam_evaluator.evaluate = recorded


def _role(principal: str) -> str | None:
    """The name in `…:role/<name>` or in `…:assumed-role/<name>/<session>`."""
    kind, *names = principal.rpartition(":")[2].split("/")
    if kind == "assumed-role":
        return names[0]
    return names[-1] if kind == "role" else None
