"""What operators ask of a deployment's functions: tried first, and done when it is confirmed."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any  # what a function answers is any JSON

from tools.deployments import Deployment

FUNCTIONS = {
    "deactivate-user": "ChangeUserStatus",
    "activate-user": "ChangeUserStatus",
    "end-sessions": "EndSessions",
    "resend-mail": "ResendMail",
}
STATUSES = {"deactivate-user": "inactive", "activate-user": "active"}


def main(arguments: Sequence[str] | None = None, deployment: Deployment | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=FUNCTIONS)
    parser.add_argument("user", help="an id")
    parser.add_argument("--order", help="an id, of resend-mail")
    parser.add_argument("--confirm", help="1, or of resend-mail what its dry run gives")
    parser.add_argument("--environment", default="default")
    wanted = parser.parse_args(arguments)
    deployment = deployment or Deployment(wanted.environment)
    event: dict[str, Any] = {"operator": deployment.operator(), "userId": wanted.user}
    if wanted.action == "resend-mail":
        event |= {"orderId": wanted.order, "confirm": wanted.confirm}
    else:
        event["confirm"] = wanted.confirm is not None
    if wanted.action in STATUSES:
        event["status"] = STATUSES[wanted.action]
    answer = deployment.invoke(FUNCTIONS[wanted.action], event)
    if answer["outcome"] == "refused":
        print(f"{wanted.action}: refused, {answer['code']}:", *answer["why"], file=sys.stderr)
        return 1
    print(f"{wanted.action} {wanted.user}: {answer['outcome']}")
    for name, value in answer["facts"].items():
        print(f"  {name}: {value}")
    if answer["outcome"] == "dry run":
        confirm = answer["facts"].get("confirm", 1)
        print(f"Nothing was changed. To do it, give the same command with CONFIRM={confirm}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
