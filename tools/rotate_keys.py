"""The signing keys of a deployment: rotated, or all replaced."""

import argparse
import json

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
    print(json.dumps(deployment.invoke("RotateSigningKeys", event)))


if __name__ == "__main__":
    main()
