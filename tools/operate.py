"""Operator commands on users: a dry run first, the change with a confirmation."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any  # payloads are JSON

from tools.deployments import Deployment

FUNCTIONS = {
    "deactivate-user": "ChangeUserStatus",
    "activate-user": "ChangeUserStatus",
    "end-sessions": "EndSessions",
    "reset-second-factors": "ResetSecondFactors",
    "resend-mail": "ResendMail",
}
STATUSES = {"deactivate-user": "inactive", "activate-user": "active"}


def main(arguments: Sequence[str] | None = None, deployment: Deployment | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=FUNCTIONS)
    parser.add_argument("user", help="id of the user")
    parser.add_argument("--order", help="id of the order, for resend-mail")
    parser.add_argument("--confirm", help="1; for resend-mail, the value that its dry run prints")
    parser.add_argument("--environment", default="default")
    options = parser.parse_args(arguments)
    deployment = deployment or Deployment(options.environment)
    event: dict[str, Any] = {"operator": deployment.operator(), "userId": options.user}
    if options.action == "resend-mail":
        event |= {"orderId": options.order, "confirm": options.confirm}
    else:
        event["confirm"] = options.confirm is not None
    if options.action in STATUSES:
        event["status"] = STATUSES[options.action]
    response = deployment.invoke(FUNCTIONS[options.action], event)
    # "refused", "why" and "facts" are seen outside: docs/data.md, "Names that stay".
    if response["outcome"] == "refused":
        print(f"{options.action}: rejected, {response['code']}:", *response["why"], file=sys.stderr)
        return 1
    print(f"{options.action} {options.user}: {response['outcome']}")
    for name, value in response["facts"].items():
        print(f"  {name}: {value}")
    if response["outcome"] == "dry run":
        confirm = response["facts"].get("confirm", 1)
        print(
            f"Dry run: nothing was changed. Repeat the command with CONFIRM={confirm} to apply it."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
