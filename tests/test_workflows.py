"""GitHub Actions workflows: pinned actions, minimal permissions, and no commands of their own."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any  # workflows are YAML

import pytest
import yaml

from tests.support.sam_template import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*"))
OFFICIAL = re.compile(r"(actions|aws-actions)/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
# Every permission that a job has: its own, or else the workflow's.
PERMISSIONS = {
    "ci.yaml": {"test": {"contents": "read"}},
    "deploy.yaml": {
        "ci": {"contents": "read"},
        "deploy": {"contents": "read", "id-token": "write"},
    },
}


def workflow(path: Path) -> Any:
    # BaseLoader keeps every value as text: YAML 1.1 would read the key `on` as true.
    return yaml.load(path.read_text(), yaml.BaseLoader)


def steps(path: Path) -> list[Any]:
    return [step for job in workflow(path)["jobs"].values() for step in job.get("steps", [])]


def name(path: Path) -> str:
    return path.name


def test_every_workflow_is_tested() -> None:
    assert {path.name for path in WORKFLOWS} == PERMISSIONS.keys()


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_actions_are_official_and_pinned_by_commit(path: Path) -> None:
    # From the text, since YAML drops the comment with the version.
    found = re.findall(r"^\s*(?:- )?uses: (.+)$", path.read_text(), re.MULTILINE)

    assert found
    for used in found:
        is_local = used.startswith("./") and (ROOT / used).is_file()
        assert is_local or OFFICIAL.fullmatch(used), used


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_jobs_have_the_least_permissions(path: Path) -> None:
    found = workflow(path)
    jobs = found["jobs"].items()

    granted = {job: it.get("permissions", found["permissions"]) for job, it in jobs}
    assert granted == PERMISSIONS[path.name]
    assert "write" not in str(found["permissions"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_checkouts_leave_no_token(path: Path) -> None:
    checkouts = [
        step for step in steps(path) if step.get("uses", "").startswith("actions/checkout")
    ]

    assert checkouts
    assert all(step["with"]["persist-credentials"] == "false" for step in checkouts)


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_jobs_end_and_do_not_overlap(path: Path) -> None:
    found = workflow(path)

    for job in found["jobs"].values():
        if "uses" not in job:
            assert int(job["timeout-minutes"]) <= 90
            assert job.get("concurrency", found.get("concurrency"))["group"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_steps_run_make_targets_and_ci_only(path: Path) -> None:
    printed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True).stdout
    targets = set(re.findall(r"^  make ([a-z-]+) ", printed, re.MULTILINE))

    commands = [step["run"] for step in steps(path) if "run" in step]
    assert commands
    for command in commands:
        # An expression in a command would let its value add commands.
        assert "${{" not in command and "\n" not in command
        assert command == ".ci/run" or command.split()[:1] == ["make"], command
        assert command == ".ci/run" or command.split()[1] in targets, command


def test_ci_runs_the_gate() -> None:
    [ci] = [path for path in WORKFLOWS if path.name == "ci.yaml"]

    assert [step["run"] for step in steps(ci) if "run" in step] == [".ci/run"]
    assert {"push", "pull_request"} <= workflow(ci)["on"].keys()


def test_deployment_needs_an_environment_and_a_tested_tag() -> None:
    [path] = [path for path in WORKFLOWS if path.name == "deploy.yaml"]
    found = workflow(path)
    job = found["jobs"]["deploy"]
    offered = found["on"]["workflow_dispatch"]["inputs"]["environment"]["options"]
    configured = tomllib.loads((ROOT / "samconfig.toml").read_text()).keys()

    assert set(offered) == configured - {"version", "default"}
    assert found["on"]["push"] == {"tags": ["v*.*.*"]}
    assert (
        job["environment"] == job["env"]["ENVIRONMENT"] == "${{ inputs.environment || 'staging' }}"
    )
    assert job["needs"] == "ci" and "!failure()" in job["if"]
    assert job["concurrency"]["cancel-in-progress"] == "false"
    # The job has no terminal to confirm a change set in.
    assert steps(path)[-1]["run"] == 'make deploy ENV="$ENVIRONMENT" CONFIRM=0'
