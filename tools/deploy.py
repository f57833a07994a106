"""``make deploy``: build, preflight, change sets, deployment of both stacks and smoke test."""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping

from tools.deployments import ROOT, Deployment
from tools.local_cloud.clients import CREDENTIALS
from tools.local_cloud.project import architecture, operations_parameters, release
from tools.local_cloud.stack import USUAL_URL
from tools.preflight import git, is_ready, pairs
from tools.smoke import smoke_test

SAM = ROOT / ".venv-sam/bin/sam"
OPERATIONS = ROOT / "operations.yaml"


class DeployCommand:
    def __init__(self, environment: str, given: dict[str, str], confirm: bool = True) -> None:
        self._environment = environment
        # samconfig.toml decides unless the option is given.
        self._confirmation = () if confirm else ("--no-confirm-changeset",)
        self._deployment = Deployment(environment)
        if self._deployment.endpoint is not None:
            # Like `make run`: the architecture of this machine, and the local URL in links.
            url = self._deployment.url()
            local = {"Architecture": architecture()}
            page = self._deployment.configured["RecoveryPage"].replace(USUAL_URL, url)
            given = local | {"RecoveryPage": page} | given
        self._given = given

    def run(self) -> bool:
        """Deploy; return whether the deployment passes the smoke test."""
        chosen = self._deployment.configured | self._given
        # sam keeps the deployed value of every parameter that is not given.
        chosen["Release"] = release(git("describe", "--always", "--tags", "--dirty"), chosen)
        self._sam(
            {"ARCHITECTURE": chosen["Architecture"]},
            *("build", "--cached", "--parallel"),
            *("--cache-dir", f".aws-sam/cache-{chosen['Architecture']}"),
        )
        print("Preflight")
        if not is_ready(self._deployment, self._given, print):
            print("Nothing was deployed.")
            return False
        self._deploy(chosen)
        shop = self._deployment.require_stack()
        self._deploy(
            operations_parameters(OPERATIONS, shop),
            *("--template", str(OPERATIONS), "--stack-name", self._deployment.operations_stack),
        )
        if chosen["Stage"] == "prod":
            self._deployment.protect()
        print("Smoke test")
        return smoke_test(self._deployment).run(print)

    def _deploy(self, parameters: Mapping[str, str], *arguments: str) -> None:
        overrides = [f"{name}={value}" for name, value in parameters.items()]
        self._sam(
            {},
            *("deploy", "--config-env", self._environment, *arguments),
            *self._confirmation,
            *("--parameter-overrides", *overrides),
        )

    def _sam(self, extra: Mapping[str, str], *arguments: str) -> None:
        """Raise `SystemExit` with sam's exit code if it fails."""
        environment = {
            **(os.environ if self._deployment.endpoint is None else self._local_environment()),
            "SAM_CLI_TELEMETRY": "0",
            "PATH": f"{SAM.parent}{os.pathsep}{os.environ['PATH']}",
            **extra,
        }
        done = subprocess.run([SAM, *arguments], cwd=ROOT, env=environment)
        if done.returncode:
            raise SystemExit(done.returncode)

    def _local_environment(self) -> dict[str, str]:
        """Return the environment without any setting that could reach a real AWS account."""
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
    parser.add_argument("--environment", required=True, help="environment in samconfig.toml")
    parser.add_argument("--parameters", default="", help="parameters that override samconfig.toml")
    parser.add_argument("--no-confirm", action="store_true", help="deploy without a question")
    options = parser.parse_args()
    given = pairs(options.parameters)
    sys.exit(not DeployCommand(options.environment, given, not options.no_confirm).run())


if __name__ == "__main__":
    main()
