"""Edits are deployed to a running stack."""

import shutil
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.local_cloud.conftest import TINY
from tests.support.event_sources import invocations
from tests.support.waiting import HANG_SECONDS, eventually
from tools.local_cloud.stack import LocalStack
from tools.local_cloud.watch import Watcher


class Edited:
    """A stack to edit, and the messages of its watcher."""

    def __init__(self, stack: LocalStack, api: httpx2.Client, messages: list[str]) -> None:
        self.stack = stack
        self.project = stack.project
        self.api = api
        self.messages = messages

    def replace(self, name: str, old: str, new: str) -> None:
        path = self.project / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def wait_for(self, words: str) -> str:
        line = eventually(lambda: next((it for it in self.messages if words in it), None))
        assert line, f"{words!r} is not in {self.messages}"
        return line


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edited]:
    project = tmp_path_factory.mktemp("edited") / "project"
    shutil.copytree(TINY, project, ignore=shutil.ignore_patterns("__pycache__"))
    messages: list[str] = []
    with (
        LocalStack(project.with_name("home"), project=project) as stack,
        httpx2.Client(base_url=stack.url, timeout=HANG_SECONDS, trust_env=False) as api,
    ):
        watcher = Watcher(stack, messages.append)
        watcher.start()
        yield Edited(stack, api, messages)
        watcher.stop()


@pytest.fixture
def edited(running: Edited) -> Edited:
    running.messages.clear()
    return running


def test_edited_function_serves_the_next_request(edited: Edited) -> None:
    edited.replace("function/echo.py", '"layer":', '"edited": True, "layer":')

    edited.wait_for("updated Echo")

    assert edited.api.get("/echo/1").json()["edited"]


def test_edits_keep_the_deployed_version_for_a_rollback(edited: Edited) -> None:
    functions, name = edited.stack.client("lambda"), edited.stack.resources()["Single"]

    for number in range(3):
        edited.replace("function/faulty.py", "import", f"# edit {number}\nimport")
        edited.wait_for("updated Echo")
        edited.messages.clear()

    versions = functions.list_versions_by_function(FunctionName=name)["Versions"]
    numbers = [it["Version"] for it in versions]
    assert "1" in numbers and len(numbers) == 4  # $LATEST, the current, and the previous


def test_edited_layer_reaches_its_functions(edited: Edited) -> None:
    edited.replace("layer/python/layered.py", '"first"', '"second"')

    edited.wait_for("updated Layer, 1 functions")

    assert edited.api.get("/echo/1").json()["layer"] == "second"


def test_syntax_error_is_shown_and_the_old_code_stays(edited: Edited) -> None:
    before = edited.api.get("/echo/1").status_code
    edited.replace(
        "function/echo.py", "def handler(event, context):", "def handler(event, context:"
    )

    messages = edited.wait_for("function/echo.py: line")

    assert "'(' was never closed" in messages
    assert "def handler(event, context:" in messages
    assert edited.api.get("/echo/1").status_code == before == 200
    edited.messages.clear()
    edited.replace(
        "function/echo.py", "def handler(event, context:", "def handler(event, context):"
    )
    edited.wait_for("updated Echo")


def test_failed_layer_build_is_shown_and_the_old_layer_stays(edited: Edited) -> None:
    before = edited.api.get("/echo/1").json()["layer"]
    edited.replace("layer/Makefile", "cp -R", "no-such-command")

    messages = edited.wait_for("building Layer failed")

    assert "no-such-command" in messages
    assert edited.api.get("/echo/1").json()["layer"] == before
    edited.replace("layer/Makefile", "no-such-command", "cp -R")
    edited.wait_for("updated Layer")


def test_edited_template_is_deployed_behind_the_same_url(edited: Edited) -> None:
    before = edited.stack.resources()["Api"]
    assert edited.api.get("/renamed").status_code == 404
    edited.replace("template.yaml", "/throttled:", "/renamed:")
    edited.replace("function/echo.py", '"edited": True', '"edited": "again"')

    edited.wait_for("template.yaml: updated the stack")

    assert edited.stack.resources()["Api"] != before
    assert edited.api.get("/renamed").json()["edited"] == "again"
    assert edited.api.get("/throttled").status_code == 404


def test_edited_mapping_keeps_its_position(edited: Edited) -> None:
    stack, resources = edited.stack, edited.stack.resources()
    dynamodb, table = stack.client("dynamodb"), resources["Watched"]
    stream = dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]

    def mapping() -> dict[str, Any]:
        found: list[dict[str, Any]] = stack.client("lambda").list_event_source_mappings(
            FunctionName=resources["Follow"]
        )["EventSourceMappings"]
        assert len(found) == 1
        return found[0]

    def put_and_list(name: str, count: int) -> list[list[str]]:
        dynamodb.put_item(TableName=table, Item={"id": {"S": name}})
        eventually(lambda: len(invocations(stack, stream)) >= count)
        return [it.ids for it in invocations(stack, stream)]

    before = mapping()
    assert put_and_list("before", 1) == [["before"]]
    edited.replace(
        "template.yaml", "BatchSize: 10\n            MaximumRetryAttempts: 1", "BatchSize: 20"
    )
    edited.wait_for("template.yaml: updated the stack")

    assert put_and_list("after", 2) == [["before"], ["after"]]
    assert mapping()["UUID"] == before["UUID"]
    assert mapping()["BatchSize"] == 20
    # Lambda's default, since the template no longer sets it.
    assert mapping()["MaximumRetryAttempts"] == -1


def test_failed_template_is_shown_and_the_stack_stays(edited: Edited) -> None:
    edited.replace("template.yaml", "Type: AWS::DynamoDB::Table", "Type: AWS::DynamoDB::Chair")

    messages = edited.wait_for("The previous version stays deployed.")

    assert "AWS::DynamoDB::Chair" in messages
    assert edited.api.get("/echo/1").status_code == 200
