"""``make deploy``: build, preflight, the change set, the deployment, and then the smoke test."""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping

from tools.deployments import ROOT, Deployment
from tools.local_cloud.clients import CREDENTIALS
from tools.local_cloud.project import architecture
from tools.local_cloud.stack import USUAL_URL
from tools.preflight import is_ready, pairs
from tools.smoke import smoke_of

SAM = ROOT / ".venv-sam/bin/sam"


class Deploying:
    def __init__(self, environment: str, given: dict[str, str]) -> None:
        self._environment = environment
        self._deployment = Deployment(environment)
        if self._deployment.endpoint is not None:
            # As `make run` deploys it: for this machine, and with its own URL in links.
            url = self._deployment.url()
            local = {"Architecture": architecture()}
            page = self._deployment.wanted["RecoveryPage"].replace(USUAL_URL, url)
            given = local | {"RecoveryPage": page} | given
        self._given = given

    def run(self) -> bool:
        """Whether it is deployed and serves."""
        chosen = self._deployment.wanted | self._given
        # sam's own defaults for what is not given are the values of before.
        overrides = [f"{name}={value}" for name, value in chosen.items()]
        self._sam(
            {"ARCHITECTURE": chosen["Architecture"]},
            *("build", "--cached", "--parallel"),
            *("--cache-dir", f".aws-sam/cache-{chosen['Architecture']}"),
        )
        print("Preflight")
        if not is_ready(self._deployment, self._given, print):
            print("Nothing was deployed.")
            return False
        self._sam(
            {},
            *("deploy", "--config-env", self._environment),
            *("--parameter-overrides", *overrides),
        )
        print("Smoke test")
        return smoke_of(self._deployment).run(print)

    def _sam(self, more: Mapping[str, str], *arguments: str) -> None:
        """Raises `SystemExit` with sam's own code."""
        environment = {
            **(os.environ if self._deployment.endpoint is None else self._local_environment()),
            "SAM_CLI_TELEMETRY": "0",
            "PATH": f"{SAM.parent}{os.pathsep}{os.environ['PATH']}",
            **more,
        }
        done = subprocess.run([SAM, *arguments], cwd=ROOT, env=environment)
        if done.returncode:
            raise SystemExit(done.returncode)

    def _local_environment(self) -> dict[str, str]:
        """Ours, but for whatever could lead to a real account."""
        kept = {name: it for name, it in os.environ.items() if not name.startswith("AWS_")}
        return kept | {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": str(self._deployment.endpoint),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }


def main() -> None:
    parser = argparse.ArgumentParser(prog="make deploy", description=__doc__)
    parser.add_argument("--environment", required=True, help="of samconfig.toml")
    parser.add_argument("--parameters", default="", help="besides those of samconfig.toml")
    options = parser.parse_args()
    sys.exit(not Deploying(options.environment, pairs(options.parameters)).run())


if __name__ == "__main__":
    main()
