"""`make deploy` deploys both stacks, and protects those of production against deletion."""

from typing import Any  # a stub of a deployment

import pytest

from tools import deploy
from tools.deploy import DeployCommand


class Deployment:
    endpoint = None
    operations_stack = "shop-operations"

    def __init__(self, stage: str) -> None:
        self.configured = {"Stage": stage, "Architecture": "arm64"}
        self.calls: list[str] = []

    def require_stack(self) -> Any:
        return {}

    def protect(self) -> None:
        self.calls.append("protect")


class SmokeTest:
    def run(self, _: object) -> bool:
        return True


@pytest.mark.parametrize(
    ("stage", "calls"),
    [
        ("staging", ["build", "deploy", "deploy"]),
        ("prod", ["build", "deploy", "deploy", "protect"]),
    ],
)
def test_stacks_of_production_get_termination_protection(
    monkeypatch: pytest.MonkeyPatch, stage: str, calls: list[str]
) -> None:
    deployment = Deployment(stage)
    monkeypatch.setattr(deploy, "Deployment", lambda _: deployment)
    monkeypatch.setattr(deploy, "is_ready", lambda *_: True)
    monkeypatch.setattr(deploy, "operations_parameters", lambda *_: {})
    monkeypatch.setattr(deploy, "smoke_test", lambda _: SmokeTest())
    monkeypatch.setattr(
        DeployCommand, "_sam", lambda _, __, command, *___: deployment.calls.append(command)
    )

    assert DeployCommand("any", {}).run()
    assert deployment.calls == calls
