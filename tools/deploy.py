"""``make deploy``: build, preflight, change sets, deployment of both stacks and smoke test."""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from tools.deployments import ROOT, Deployment
from tools.local_cloud.clients import CREDENTIALS
from tools.local_cloud.project import (
    architecture,
    operations_parameters,
    release,
    resulting_parameters,
)
from tools.local_cloud.stack import USUAL_URL
from tools.preflight import git, is_ready, pairs
from tools.smoke import smoke_test

SAM = ROOT / ".venv-sam/bin/sam"
TEMPLATE = ROOT / "template.yaml"
OPERATIONS = ROOT / "operations.yaml"


class DeployCommand:
    def __init__(self, environment: str, given: dict[str, str], confirm: bool = True) -> None:
        self._environment = environment
        # samconfig.toml decides unless the option is given.
        self._confirmation = () if confirm else ("--no-confirm-changeset",)
        self._deployment = Deployment(environment)
        if environment == "default":
            # Like `make run`: the architecture of this machine.
            given = {"Architecture": architecture()} | given
        if self._deployment.endpoint is not None:
            url = self._deployment.url()
            page = self._deployment.configured["RecoveryPage"].replace(USUAL_URL, url)
            given = {"RecoveryPage": page} | given
        self._given = given

    def run(self) -> bool:
        """Deploy both stacks; return whether the deployment passes the smoke test."""
        # sam keeps the deployed value of every parameter that is not given.
        chosen = self._deployment.configured | self._given
        values = resulting_parameters(TEMPLATE, self._deployment.describe_stack(), chosen)
        del values["Release"]
        chosen["Release"] = release(git("describe", "--always", "--tags", "--dirty"), values)
        self._sam(
            {"ARCHITECTURE": values["Architecture"]},
            *("build", "--cached", "--parallel"),
            *("--cache-dir", f".aws-sam/cache-{values['Architecture']}"),
        )
        print("Preflight")
        if not is_ready(self._deployment, self._given, print):
            print("Nothing was deployed.")
            return False
        self._deploy(chosen)
        shop = self._deployment.require_stack()
        # sam succeeds too if nobody confirms the change set.
        if {"ParameterKey": "Release", "ParameterValue": chosen["Release"]} not in [
            {name: it[name] for name in ("ParameterKey", "ParameterValue")}
            for it in shop.get("Parameters", [])
        ]:
            print("The change set was not confirmed. Nothing was deployed.")
            return False
        print("Smoke test")
        is_healthy = smoke_test(self._deployment).run(print)
        self._deploy_operations(shop)
        if values["Stage"] == "prod":
            self._deployment.protect()
        return is_healthy

    # Any: CloudFormation's description of a stack.
    def _deploy_operations(self, shop: Mapping[str, Any]) -> None:
        """Deploy the operations stack, after deleting one that was never created."""
        name = self._deployment.operations_stack
        stack = self._deployment.describe_stack(name)
        if stack is not None and stack["StackStatus"] == "ROLLBACK_COMPLETE":
            cloudformation = self._deployment.client("cloudformation")
            cloudformation.delete_stack(StackName=name)
            cloudformation.get_waiter("stack_delete_complete").wait(StackName=name)
        self._deploy(
            operations_parameters(OPERATIONS, shop),
            *("--template", str(OPERATIONS), "--stack-name", name),
        )

    def _deploy(self, parameters: Mapping[str, str], *arguments: str) -> None:
        # sam needs quotes for an empty value.
        overrides = [f"{name}={value or '""'}" for name, value in parameters.items()]
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
