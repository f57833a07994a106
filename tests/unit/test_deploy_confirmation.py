"""``make deploy`` asks for a confirmation of each change set unless ``CONFIRM=0`` is given."""

import subprocess
from typing import Any  # stubs of tools.deploy

import pytest

from tools import deploy
from tools.deployments import ROOT

OPTION = "--no-confirm-changeset"


class Smoke:
    def __init__(self, deployment: Any) -> None:
        pass

    def run(self, report: Any) -> bool:
        return True


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that a deployment runs; none has an effect."""
    ran: list[list[str]] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        ran.append(list(map(str, command)))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr("tools.deploy.subprocess.run", run)
    monkeypatch.setattr("tools.deploy.git", lambda *_: "v1.0.0")
    parameter = {"ParameterKey": "Release", "ParameterValue": "v1.0.0-12345678"}
    shop = {"Parameters": [parameter]}
    monkeypatch.setattr("tools.deploy.Deployment.require_stack", lambda _: shop)
    monkeypatch.setattr("tools.deploy.Deployment.describe_stack", lambda *_: None)
    monkeypatch.setattr("tools.deploy.release", lambda *_: "v1.0.0-12345678")
    monkeypatch.setattr("tools.deploy.operations_parameters", lambda *_: {})
    monkeypatch.setattr("tools.deploy.is_ready", lambda *_: True)
    monkeypatch.setattr("tools.deploy.smoke_test", Smoke)
    return ran


def deployed_with(commands: list[list[str]], *options: str) -> list[list[str]]:
    """Return sam's commands that deploy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["deploy", "--environment", "staging", *options])
        with pytest.raises(SystemExit) as exit:
            deploy.main()
    assert exit.value.code == 0
    return [command for command in commands if "deploy" in command]


def test_deployment_asks_by_default(commands: list[list[str]]) -> None:
    found = deployed_with(commands)

    assert len(found) == 2 and not [command for command in found if OPTION in command]


def test_deployment_without_a_terminal_asks_nothing(commands: list[list[str]]) -> None:
    found = deployed_with(commands, "--no-confirm")

    assert len(found) == 2 and all(OPTION in command for command in found)


@pytest.mark.parametrize(("given", "passed"), [("CONFIRM=0", True), ("CONFIRM=1", False)])
def test_make_deploy_passes_the_choice(given: str, passed: bool) -> None:
    printed = subprocess.run(
        ["make", "--dry-run", "deploy", "ENV=staging", given],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert ("--no-confirm" in printed) is passed
