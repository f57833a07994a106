"""`make deploy` deploys both stacks: the shop first, which needs nothing of the second."""

from collections.abc import Iterator
from typing import Any  # stubs of a deployment and of CloudFormation's descriptions

import pytest

from tools import deploy
from tools.deploy import DeployCommand

NEVER_CREATED = {"StackStatus": "ROLLBACK_COMPLETE"}


class Deployment:
    endpoint = None
    operations_stack = "shop-operations"

    def __init__(self, stage: str = "staging") -> None:
        self.configured = {"Stage": stage, "Architecture": "arm64"}
        self.deployed: dict[str, str] = {}
        self.operations: dict[str, str] | None = None
        self.calls: list[str] = []
        self.releases: list[str] = []
        self.is_confirmed = True

    def describe_stack(self, name: str = "") -> Any:
        return self.operations if name else self.require_stack()

    def require_stack(self) -> Any:
        pairs = self.deployed.items()
        return {"Parameters": [{"ParameterKey": n, "ParameterValue": it} for n, it in pairs]}

    def run(self, command: str, *arguments: str) -> None:
        self.calls.append(command)
        given = dict(it.split("=", 1) for it in arguments if "=" in it)
        if "Release" in given and self.is_confirmed:
            self.releases.append(given["Release"])
            self.deployed |= given

    def client(self, _: str) -> "Deployment":
        return self

    def delete_stack(self, StackName: str) -> None:
        self.calls.append(f"delete {StackName}")

    def get_waiter(self, _: str) -> "Deployment":
        return self

    def wait(self, StackName: str) -> None:
        assert self.calls[-1] == f"delete {StackName}"

    def protect(self) -> None:
        self.calls.append("protect")


class SmokeTest:
    def __init__(self, deployment: Any) -> None:
        self._calls: list[str] = deployment.calls

    def run(self, _: object) -> bool:
        self._calls.append("smoke")
        return True


@pytest.fixture(autouse=True)
def no_effects(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(deploy, "is_ready", lambda *_: True)
    monkeypatch.setattr(deploy, "operations_parameters", lambda *_: {})
    monkeypatch.setattr(deploy, "smoke_test", SmokeTest)
    monkeypatch.setattr(deploy, "git", lambda *_: "v1.0.0")
    monkeypatch.setattr(
        DeployCommand, "_sam", lambda self, _, *arguments: self._deployment.run(*arguments)
    )
    yield


def deployed(deployment: Deployment, **given: str) -> bool:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deploy, "Deployment", lambda _: deployment)
        return DeployCommand("any", given).run()


@pytest.mark.parametrize(
    ("stage", "calls"),
    [
        ("staging", ["build", "deploy", "smoke", "deploy"]),
        ("prod", ["build", "deploy", "smoke", "deploy", "protect"]),
    ],
)
def test_stacks_of_production_get_termination_protection(stage: str, calls: list[str]) -> None:
    deployment = Deployment(stage)

    assert deployed(deployment)
    assert deployment.calls == calls


def test_change_set_that_nobody_confirms_deploys_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    deployment = Deployment("prod")
    deployment.is_confirmed = False

    assert not deployed(deployment)
    assert deployment.calls == ["build", "deploy"]
    assert "Nothing was deployed" in capsys.readouterr().out


def test_operations_stack_that_was_never_created_is_replaced() -> None:
    deployment = Deployment()
    deployment.operations = NEVER_CREATED

    assert deployed(deployment)
    assert deployment.calls == [
        *("build", "deploy", "smoke"),
        *("delete shop-operations", "deploy"),
    ]


def test_release_changes_with_the_deployed_parameters() -> None:
    """A parameter that the console changed reaches functions with the next deployment."""
    deployment = Deployment()

    assert deployed(deployment) and deployed(deployment)
    first, second = deployment.releases
    assert first == second
    deployment.deployed["LogLevel"] = "DEBUG"
    assert deployed(deployment)
    assert deployment.releases[-1] != first


def test_empty_value_is_quoted_for_sam() -> None:
    deployment = Deployment()

    assert deployed(deployment, MailFrom="")
    assert deployment.deployed["MailFrom"] == '""'
