"""The steps of ``make parity`` on one account, which the environment variables name."""

import argparse
import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any  # botocore's responses
from uuid import uuid4

from tools.deploy import OPERATIONS, SAM
from tools.deployments import ROOT, Deployment, is_local_cloud
from tools.local_cloud.project import (
    architecture,
    declared_parameters,
    operations_parameters,
)
from tools.preflight import pairs

# Both are valid for any environment but prod. The first is for one client with hundreds of users;
# the second keeps orders pending during every test.
PARAMETERS = {"HashingPerNetwork": "1000000", "CancellationWindowSeconds": "900"}
CANARY = {"Rollout": "Canary10Percent10Minutes", "LogLevel": "DEBUG"}
ADMIN_VARIABLE, ORIGIN_VARIABLE = "SHOP_ADMIN", "SHOP_ORIGIN"
PASSED = "ok"
_EMPTY = re.compile("didn't contain changes|No updates are to be performed")

type Report = Callable[[str, str], None]  # a case and its result
type Command = Callable[..., str]


class StepFailed(Exception):
    """A failed step, with a reason that fits into a cell of the table."""


def run_command(
    *arguments: str | Path,
    variables: Mapping[str, str] | None = None,
    typed: str | None = None,
    is_quiet: bool = False,
) -> str:
    """Run a command in the project's folder; return its output if quiet.

    Raise `StepFailed` with the exit code.
    """
    print("+", *arguments, flush=True)
    path = f"{SAM.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        arguments,
        cwd=ROOT,
        env=os.environ | {"PATH": path} | dict(variables or {}),
        input=typed or "",
        stdout=subprocess.PIPE if is_quiet else None,
        text=True,
    )
    if done.returncode:
        raise StepFailed(f"exit code {done.returncode}")
    return done.stdout or ""


class Steps:
    """The steps by number, in order; each reports its cases."""

    def __init__(
        self,
        environment: str,
        deployment: Deployment,
        given: Mapping[str, str],
        url: str | None,
        tests: str,
        report: Report,
        command: Command = run_command,
    ) -> None:
        self._environment = environment
        self._deployment = deployment
        self._url = url
        self._tests = tests.split()
        self._report = report
        self._command = command
        machine = {"Architecture": architecture()} if is_local_cloud() else {}
        self._parameters = {**PARAMETERS, **machine, **given}
        self._admin = os.environ.get(ADMIN_VARIABLE)
        self.steps: Mapping[str, Callable[[], None]] = {
            "1": self._change_sets,
            "2": lambda: self._deploy("deploy"),
            "3": self._create_admin,
            "4": self._test,
            "5": self._deploy_canary,
            "6": self._destroy_and_deploy,
        }

    def run(self, chosen: str) -> None:
        """Run the chosen steps, such as "1,2"; stop at the first that fails, except the tests."""
        for number in chosen.split(","):
            try:
                self.steps[number]()
            except StepFailed as failure:
                self._report(f"step {number}", f"FAILED: {failure}")
                if number != "4":
                    return

    def _change_sets(self) -> None:
        chosen = self._deployment.configured | self._parameters
        self._command(
            *(SAM, "build", "--cached", "--parallel"),
            *("--cache-dir", f".aws-sam/cache-{chosen['Architecture']}"),
            variables={"ARCHITECTURE": chosen["Architecture"]},
        )
        self._change_set("template.yaml", self._deployment.stack, chosen | {"Release": "parity"})
        operations = dict.fromkeys(declared_parameters(OPERATIONS), "0")
        stack = self._deployment.describe_stack()
        if stack is not None and "Outputs" in stack:
            operations = operations_parameters(OPERATIONS, stack)
        name = self._deployment.operations_stack
        self._change_set("operations.yaml", name, operations, "--template", str(OPERATIONS))

    def _change_set(
        self, template: str, stack: str, parameters: Mapping[str, str], *arguments: str
    ) -> None:
        """Create a change set and delete it, and the empty stack that its creation leaves."""
        before = {it["ChangeSetId"] for it in self._listed(stack)}
        self._command(
            *(SAM, "deploy", "--config-env", self._environment, "--stack-name", stack, *arguments),
            *("--no-execute-changeset", "--no-confirm-changeset", "--parameter-overrides"),
            *(f"{name}={value}" for name, value in parameters.items()),
        )
        cloudformation = self._deployment.client("cloudformation")
        created = [it for it in self._listed(stack) if it["ChangeSetId"] not in before]
        for change_set in created:
            cloudformation.delete_change_set(ChangeSetName=change_set["ChangeSetId"])
        found = cloudformation.describe_stacks(StackName=stack)["Stacks"] if created else []
        if found and found[0]["StackStatus"] == "REVIEW_IN_PROGRESS":
            cloudformation.delete_stack(StackName=stack)
            cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack)
        # The status of a change set without changes, which is right for a deployed template.
        failed = [
            it["StatusReason"]
            for it in created
            if it["Status"] == "FAILED" and not _EMPTY.search(it["StatusReason"])
        ]
        if failed or not created:
            raise StepFailed(f"change set of {template}: {' '.join(failed) or 'none was created'}")
        self._report(f"change set of {template}", PASSED)

    def _listed(self, stack: str) -> list[dict[str, Any]]:
        cloudformation = self._deployment.client("cloudformation")
        try:
            found: list[dict[str, Any]] = cloudformation.list_change_sets(StackName=stack)[
                "Summaries"
            ]
        except cloudformation.exceptions.ClientError as error:
            if "does not exist" not in str(error):
                raise
            return []
        return found

    def _deploy(self, case: str, **changed: str) -> None:
        parameters = " ".join(f"{k}={it}" for k, it in (self._parameters | changed).items())
        self._command(
            *(sys.executable, "-m", "tools.deploy", "--environment", self._environment),
            *("--parameters", parameters, "--no-confirm"),
        )
        self._report(case, PASSED)

    def _create_admin(self) -> None:
        admin = {"email": f"parity.{uuid4().hex}@example.com", "password": secrets.token_urlsafe()}
        with _private_file(json.dumps(admin | {"name": "Parity admin"})) as event:
            response = self._command(
                *(SAM, "remote", "invoke", "CreateAdmin", "--config-env", self._environment),
                *("--event-file", event),
                is_quiet=True,
            )
        if set(json.loads(response)) != {"id"}:
            raise StepFailed(response)
        self._admin = json.dumps(admin)
        self._report("admin by CreateAdmin", PASSED)

    def _test(self) -> None:
        if self._admin is None:
            raise StepFailed(f"it needs step 3, or an admin in {ADMIN_VARIABLE}")
        origin = self._deployment.parameters()["AllowedOrigins"].split(",")[0]
        with TemporaryDirectory() as folder:
            outcomes = Path(folder) / "outcomes.json"
            try:
                self._command(
                    *(sys.executable, "-m", "tests.deployed", self._url or self._deployment.url()),
                    *("--outcomes", outcomes, *self._tests),
                    variables={ADMIN_VARIABLE: self._admin, ORIGIN_VARIABLE: origin},
                )
            except StepFailed:
                if not outcomes.exists():
                    raise
            found = json.loads(outcomes.read_text())
        for test, outcome in found["tests"].items():
            self._report(test, PASSED if outcome == "passed" else outcome)
        self._report("tests that are local_only", str(found["local_only"]))

    def _deploy_canary(self) -> None:
        before = self._succeeded()
        self._deploy("second deploy", **CANARY)
        if is_local_cloud():
            self._report("canary", "not available")
            return
        shifted = len(self._succeeded() - before)
        if not shifted:
            raise StepFailed("no traffic shift succeeded")
        self._report("canary", PASSED)
        print(f"{shifted} functions shifted their traffic.")

    def _succeeded(self) -> set[str]:
        """Return the ids of succeeded CodeDeploy deployments of the stack."""
        codedeploy = self._deployment.client("codedeploy")
        types = {
            it["ResourceType"]: it["PhysicalResourceId"] for it in self._deployment.resources()
        }
        application = types.get("AWS::CodeDeploy::Application")
        if application is None or is_local_cloud():
            return set()
        groups = codedeploy.list_deployment_groups(applicationName=application)["deploymentGroups"]
        return {
            id_
            for group in groups
            for id_ in codedeploy.list_deployments(
                applicationName=application,
                deploymentGroupName=group,
                includeOnlyStatuses=["Succeeded"],
            )["deployments"]
        }

    def _destroy_and_deploy(self) -> None:
        self._command(
            *(sys.executable, "-m", "tools.destroy", "--environment", self._environment),
            typed=f"{self._deployment.stack}\n",
        )
        self._report("destroy", PASSED)
        self._deploy("deploy again")


@contextmanager
def _private_file(text: str) -> Iterator[Path]:
    with TemporaryDirectory() as folder:  # readable by its owner only
        file = Path(folder) / "event.json"
        file.write_text(text)
        yield file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", required=True)
    parser.add_argument("--parameters", default="")
    parser.add_argument("--steps", required=True)
    parser.add_argument("--url")
    parser.add_argument("--tests", default="")
    parser.add_argument("--results", type=Path, required=True, help="JSON file of the results")
    options = parser.parse_args()
    results: dict[str, str] = {}

    def report(case: str, result: str) -> None:
        results[case] = result
        options.results.write_text(json.dumps(results))

    given, deployment = pairs(options.parameters), Deployment(options.environment)
    steps = Steps(options.environment, deployment, given, options.url, options.tests, report)
    steps.run(options.steps)


if __name__ == "__main__":
    main()
