"""``make parity``: deploy and test on a local account and on AWS, and compare the results."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.deployments import ROOT, Deployment, is_local_cloud
from tools.local_cloud.clients import CREDENTIALS
from tools.local_cloud.emulator_process import EmulatorProcess
from tools.local_cloud.free_port import HOST, free_port
from tools.parity.steps import PARAMETERS, PASSED
from tools.preflight import pairs

ALL_STEPS = "1,2,3,4,5,6"
REGION = "us-east-1"  # of the local account, if samconfig.toml names none

type Results = Mapping[str, str]  # by case; a case is a step or a test


class NotAllowed(Exception):
    """Nothing was deployed or deleted; the message has the reason."""


def check(environment: str, deployment: Deployment, given: Mapping[str, str]) -> None:
    """Raise `NotAllowed` for the local cloud of `make run`, prod and protected data."""
    if environment == "default":
        raise NotAllowed("default is the stack of make run: set ENV to another environment.")
    stack = deployment.describe_stack()
    deployed = deployment.parameters() if stack else {}
    for parameters in (deployment.configured, given, deployed):
        if parameters.get("Stage") == "prod":
            raise NotAllowed("it is prod.")
        if parameters.get("DataProtection") == "on":
            raise NotAllowed("its data is protected.")


def confirm(deployment: Deployment, steps: str, ask: Callable[[str], str]) -> None:
    """Ask before anything on AWS is touched; raise `NotAllowed` for another answer."""
    if is_local_cloud():
        return
    name = deployment.stack
    region = deployment.client("sts").meta.region_name
    question = (
        f"\nSteps {steps} on AWS, in {region}, as {deployment.operator()}.\n"
        f"They deploy {name} and {deployment.operations_stack} with "
        f"{' '.join(f'{it}={value}' for it, value in PARAMETERS.items())}, create an admin, "
        f"hundreds of users and thousands of requests, and delete both stacks with ALL data.\n"
        f"Type {name} to continue: "
    )
    if ask(question).strip() != name:
        raise NotAllowed("the name typed is not the name of the stack.")


def table(local: Results, aws: Results) -> tuple[list[str], bool]:
    """Return the lines of the table (case, local, AWS), and whether AWS passed all of them.

    Tests are counted by file. Each test that did not pass on AWS, or differs, is listed below.
    """
    rows: dict[str, tuple[list[str], list[str]]] = {}
    for column, results in enumerate((local, aws)):
        for case, result in results.items():
            rows.setdefault(case.partition("::")[0], ([], []))[column].append(result)
    lines = [("case", "local", "AWS")]
    for case, (left, right) in rows.items():
        is_test = any(it.startswith(f"{case}::") for it in (*local, *aws))
        cells = (_cell(left, is_test), _cell(right, is_test))
        lines.append((case, *cells))
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    text = [
        "  ".join(it.ljust(width) for it, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    wrong = [
        f"  {case}: local {local.get(case, 'missing')}, AWS {aws.get(case, 'missing')}"
        for case in {**local, **aws}
        if local.get(case) != aws.get(case) or aws[case].lower().startswith("failed")
        if case != "canary"
    ]
    return [*text, *(["", "Not equal, or failed:"] if wrong else []), *wrong], not wrong


def _cell(results: list[str], is_test: bool) -> str:
    if not results:
        return "missing"
    return f"{results.count(PASSED)} of {len(results)}" if is_test else results[0]


@contextmanager
def local_account(stack: str, region: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Start an empty emulator; yield the URL of the stack's API there and the variables for it."""
    with TemporaryDirectory() as folder:
        emulator = EmulatorProcess(Path(folder), free_port(), free_port(), stack, region)
        emulator.start()
        try:
            inherited = {n: it for n, it in os.environ.items() if not n.startswith("AWS_")}
            yield (
                f"http://{HOST}:{emulator.api_port}",
                inherited
                | CREDENTIALS
                | {
                    "AWS_ENDPOINT_URL": emulator.endpoint,
                    "AWS_DEFAULT_REGION": region,
                    "AWS_CONFIG_FILE": os.devnull,
                    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                    "AWS_EC2_METADATA_DISABLED": "true",
                    "NO_PROXY": HOST,
                    "no_proxy": HOST,
                },
            )
        finally:
            emulator.stop()


def run_steps(
    options: argparse.Namespace, url: str | None, variables: Mapping[str, str]
) -> Results:
    """Run the steps in a process with these variables; return the results so far."""
    with TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        subprocess.run(
            [
                *(sys.executable, "-m", "tools.parity.steps", "--environment", options.environment),
                *("--parameters", options.parameters, "--steps", options.steps),
                *(
                    "--tests",
                    options.tests,
                    "--results",
                    str(results),
                    *(("--url", url) if url else ()),
                ),
            ],
            cwd=ROOT,
            env=dict(variables),
        )
        return json.loads(results.read_text()) if results.exists() else {}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make parity", description=__doc__)
    parser.add_argument("--environment", required=True, help="environment in samconfig.toml")
    parser.add_argument("--parameters", default="", help="parameters that override samconfig.toml")
    parser.add_argument("--steps", default=ALL_STEPS, help="such as 1,2")
    parser.add_argument("--tests", default="", help="files of tests, if not all")
    parser.add_argument("--url", help="URL of the API, if not the stack's output ApiUrl")
    options = parser.parse_args()
    deployment = Deployment(options.environment)
    try:
        check(options.environment, deployment, pairs(options.parameters))
        confirm(deployment, options.steps, input)
    except NotAllowed as error:
        sys.exit(f"{deployment.stack} is not used: {error}")
    with local_account(deployment.stack, deployment.region or REGION) as (root, variables):
        stage = deployment.configured["Stage"]
        local = run_steps(options, f"{root}/{stage}", variables)
    aws = run_steps(options, options.url, os.environ)
    lines, passed = table(local, aws)
    print("", *lines, sep="\n")
    sys.exit(not passed)


if __name__ == "__main__":
    main()
