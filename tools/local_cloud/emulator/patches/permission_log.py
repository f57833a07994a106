"""Log of IAM decisions."""

import json
from typing import Any

from ministack.core import iam_evaluator

from tools.local_cloud.emulator.patches.pinned import pinned
from tools.local_cloud.emulator.settings import Settings


def apply(settings: Settings) -> None:
    record_iam_decisions(settings)


def record_iam_decisions(settings: Settings) -> None:
    """Write each combination of role, action, resource and decision to a file, once.

    All requests pass here: of functions, and of mappings that act for them. Transactions arrive as
    their IAM actions, and batches once per table.
    """
    evaluate = pinned(iam_evaluator, "evaluate", "ctx policies limits")
    pinned(iam_evaluator, "enforce", source="result = evaluate(")
    pinned(iam_evaluator, "EvalContext", source="principal_arn: str")
    record = settings.permission_log.open("a", encoding="utf-8", buffering=1)
    known = set()

    # Any: ministack's own records.
    def recorded(context: Any, *policies: Any) -> Any:
        result = evaluate(context, *policies)
        if role := _role(context.principal_arn):
            allowed = result.decision == "Allow"
            decision = (role, context.action, context.resource_arn, allowed)
            if decision not in known:
                known.add(decision)
                names = ("role", "action", "resource", "allowed")
                record.write(json.dumps(dict(zip(names, decision, strict=True))) + "\n")
        return result

    iam_evaluator.evaluate = recorded


def _role(principal: str) -> str | None:
    """Return the name in `…:role/<name>` or `…:assumed-role/<name>/<session>`, or None."""
    kind, *names = principal.rpartition(":")[2].split("/")
    if kind == "assumed-role":
        return names[0]
    return names[-1] if kind == "role" else None
