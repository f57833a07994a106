"""Tools select the named deployment, or else the local stack, and no other."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tools.tables import deployment

SETTINGS = {"USERS_TABLE": "users-7", "LIST_SHARDS": "4", "AWS_ENDPOINT_URL": "http://sandbox"}


class Cloud:
    """A client for both calls, which records its credentials.

    `Any`: responses of clients have many types.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.environment: dict[str, str] = {}

    def client(self, service: str) -> "Cloud":
        self.environment = dict(os.environ)
        return self

    def describe_stack_resource(self, StackName: str, LogicalResourceId: str) -> Any:
        self.asked += [StackName, LogicalResourceId]
        return {"StackResourceDetail": {"PhysicalResourceId": "function-7"}}

    def get_function_configuration(self, FunctionName: str) -> Any:
        self.asked.append(FunctionName)
        return {"Environment": {"Variables": SETTINGS}}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    cloud = Cloud()
    given = {"AWS_PROFILE": "work", "AWS_SESSION_TOKEN": "secret", "USERS_TABLE": "another"}
    monkeypatch.setattr(os, "environ", {"PATH": "/bin"} | given)
    monkeypatch.setattr("tools.tables.deployment.boto3.client", cloud.client)
    return cloud


def test_default_deployment_is_the_running_local_stack(cloud: Cloud, tmp_path: Path) -> None:
    info = tmp_path / "stack.json"
    info.write_text(json.dumps({"url": "", "emulator": "http://127.0.0.1:4566", "admin": None}))

    deployment.attach(None, info)

    assert cloud.asked == ["shop-local", "GetUser", "function-7"]
    assert cloud.environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert cloud.environment.keys().isdisjoint({"AWS_PROFILE", "AWS_SESSION_TOKEN"})
    assert os.environ["USERS_TABLE"] == "users-7"
    # The URL of the emulator for functions is not reachable from this process.
    assert os.environ["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"


def test_named_environment_is_its_stack_with_the_callers_credentials(cloud: Cloud) -> None:
    deployment.attach("staging")

    assert cloud.asked == ["shop-staging", "GetUser", "function-7"]
    assert cloud.environment["AWS_PROFILE"] == "work"
    assert "AWS_ENDPOINT_URL" not in os.environ
    assert (os.environ["USERS_TABLE"], os.environ["LIST_SHARDS"]) == ("users-7", "4")


def test_missing_deployment_makes_no_call(cloud: Cloud, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="make run"):
        deployment.attach(None, tmp_path / "stack.json")
    with pytest.raises(SystemExit, match="no environment nowhere"):
        deployment.attach("nowhere")

    assert cloud.asked == []
