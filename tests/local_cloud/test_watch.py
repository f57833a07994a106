"""Edits reach the stack while it runs."""

import shutil
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.local_cloud.conftest import TINY
from tests.local_cloud.watching import invocations
from tests.support.waiting import HANG_SECONDS, eventually
from tools.local_cloud.stack import LocalStack
from tools.local_cloud.watch import Watcher


class Edited:
    """A stack of its own that is edited, and what the watcher said of it."""

    def __init__(self, stack: LocalStack, api: httpx.Client, said: list[str]) -> None:
        self.stack = stack
        self.project = stack.project
        self.api = api
        self.said = said

    def replace(self, name: str, old: str, new: str) -> None:
        path = self.project / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def heard(self, words: str) -> str:
        line = eventually(lambda: next((it for it in self.said if words in it), None))
        assert line, f"{words!r} was not said, but {self.said}"
        return line


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edited]:
    project = tmp_path_factory.mktemp("edited") / "project"
    shutil.copytree(TINY, project, ignore=shutil.ignore_patterns("__pycache__"))
    said: list[str] = []
    with (
        LocalStack(project.with_name("home"), project=project) as stack,
        httpx.Client(base_url=stack.url, timeout=HANG_SECONDS, trust_env=False) as api,
    ):
        watcher = Watcher(stack, said.append)
        watcher.start()
        yield Edited(stack, api, said)
        watcher.stop()


@pytest.fixture
def edited(running: Edited) -> Edited:
    running.said.clear()
    return running


def test_an_edited_function_serves_the_next_request_through_its_alias(edited: Edited) -> None:
    edited.replace("function/echo.py", '"layer":', '"edited": True, "layer":')

    edited.heard("updated Echo")

    assert edited.api.get("/echo/1").json()["edited"]


def test_edits_keep_the_deployed_version_for_a_rollback(edited: Edited) -> None:
    functions, name = edited.stack.client("lambda"), edited.stack.resources()["Single"]

    for number in range(3):
        edited.replace("function/mischief.py", "import", f"# edit {number}\nimport")
        edited.heard("updated Echo")
        edited.said.clear()

    versions = functions.list_versions_by_function(FunctionName=name)["Versions"]
    numbers = [it["Version"] for it in versions]
    assert "1" in numbers and len(numbers) == 4  # $LATEST, the current, and the previous


def test_an_edited_layer_reaches_the_functions_that_have_it(edited: Edited) -> None:
    edited.replace("layer/python/layered.py", '"first"', '"second"')

    edited.heard("updated Layer, 1 functions")

    assert edited.api.get("/echo/1").json()["layer"] == "second"


def test_a_syntax_error_is_shown_and_the_old_code_goes_on(edited: Edited) -> None:
    before = edited.api.get("/echo/1").status_code
    edited.replace(
        "function/echo.py", "def handler(event, context):", "def handler(event, context:"
    )

    said = edited.heard("function/echo.py: line")

    assert "'(' was never closed" in said
    assert "def handler(event, context:" in said
    assert edited.api.get("/echo/1").status_code == before == 200
    edited.said.clear()
    edited.replace(
        "function/echo.py", "def handler(event, context:", "def handler(event, context):"
    )
    edited.heard("updated Echo")


def test_a_layer_that_does_not_build_is_shown_and_the_old_one_goes_on(edited: Edited) -> None:
    before = edited.api.get("/echo/1").json()["layer"]
    edited.replace("layer/Makefile", "cp -R", "no-such-command")

    said = edited.heard("building Layer failed")

    assert "no-such-command" in said
    assert edited.api.get("/echo/1").json()["layer"] == before
    edited.replace("layer/Makefile", "no-such-command", "cp -R")
    edited.heard("updated Layer")


def test_an_edited_template_is_deployed_again_behind_the_same_url(edited: Edited) -> None:
    before = edited.stack.resources()["Api"]
    assert edited.api.get("/renamed").status_code == 404
    edited.replace("template.yaml", "/throttled:", "/renamed:")
    edited.replace("function/echo.py", '"edited": True', '"edited": "again"')

    edited.heard("template.yaml: updated the stack")

    assert edited.stack.resources()["Api"] != before
    assert edited.api.get("/renamed").json()["edited"] == "again"
    assert edited.api.get("/throttled").status_code == 404


def test_a_mapping_goes_on_where_it_was_and_as_the_template_has_it_then(edited: Edited) -> None:
    stack, resources = edited.stack, edited.stack.resources()
    dynamodb, table = stack.client("dynamodb"), resources["Watched"]
    stream = dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]

    def mapping() -> dict[str, Any]:
        found: list[dict[str, Any]] = stack.client("lambda").list_event_source_mappings(
            FunctionName=resources["Follow"]
        )["EventSourceMappings"]
        assert len(found) == 1
        return found[0]

    def put_and_seen(name: str, count: int) -> list[list[str]]:
        dynamodb.put_item(TableName=table, Item={"id": {"S": name}})
        eventually(lambda: len(invocations(stack, stream)) >= count)
        return [it.ids for it in invocations(stack, stream)]

    before = mapping()
    assert put_and_seen("before", 1) == [["before"]]
    edited.replace(
        "template.yaml", "BatchSize: 10\n            MaximumRetryAttempts: 1", "BatchSize: 20"
    )
    edited.heard("template.yaml: updated the stack")

    assert put_and_seen("after", 2) == [["before"], ["after"]]
    assert mapping()["UUID"] == before["UUID"]
    assert mapping()["BatchSize"] == 20
    # Lambda's default, since the template does not say it any more.
    assert mapping()["MaximumRetryAttempts"] == -1


def test_a_template_that_cannot_be_deployed_is_shown_and_the_stack_goes_on(edited: Edited) -> None:
    edited.replace("template.yaml", "Type: AWS::DynamoDB::Table", "Type: AWS::DynamoDB::Chair")

    said = edited.heard("What was there before goes on.")

    assert "AWS::DynamoDB::Chair" in said
    assert edited.api.get("/echo/1").status_code == 200
