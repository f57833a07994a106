"""The signing keys of a deployment: rotated, or all replaced."""

import argparse
import json
import sys

from tools.deployments import Deployment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", required=True)
    parser.add_argument("--revoke", action="store_true", help="replace all three keys")
    parser.add_argument("--dry-run", action="store_true", help="say which there would be")
    wanted = parser.parse_args()
    deployment = Deployment(wanted.environment)
    event: dict[str, object] = {"operator": deployment.operator()}
    if wanted.revoke:
        event["revoke"] = True
    if wanted.dry_run:
        event["dryRun"] = True
    answer = deployment.invoke("RotateSigningKeys", event)
    print(json.dumps(answer))
    if "unchangedUntil" in answer:
        done = "Nothing would change" if wanted.dry_run else "Nothing changed"
        print(
            f"{done}: the keys are less than 20 minutes old, and tokens of each may be valid. "
            f"Rotate again after {answer['unchangedUntil']}, or replace all keys with REVOKE=1.",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
