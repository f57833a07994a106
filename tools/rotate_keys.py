"""Rotate the signing keys of a deployment, or replace all of them."""

import argparse
import json
import sys

from tools.deployments import Deployment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", required=True)
    parser.add_argument("--revoke", action="store_true", help="replace all three keys")
    parser.add_argument(
        "--dry-run", action="store_true", help="print the resulting keys and change nothing"
    )
    options = parser.parse_args()
    deployment = Deployment(options.environment)
    event: dict[str, object] = {"operator": deployment.operator()}
    if options.revoke:
        event["revoke"] = True
    if options.dry_run:
        event["dryRun"] = True
    response = deployment.invoke("RotateSigningKeys", event)
    print(json.dumps(response))
    if "unchangedUntil" in response:
        done = "Nothing would change" if options.dry_run else "Nothing changed"
        print(
            f"{done}: the keys are less than 20 minutes old, and tokens of each can be valid. "
            f"Rotate again after {response['unchangedUntil']}, or replace all keys with REVOKE=1.",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
