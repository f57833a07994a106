"""Edits reach the stack while it runs."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.local_cloud.conftest import TINY
from tools.local_cloud.stack import LocalStack
from tools.local_cloud.watch import Watcher


class Edited:
    """A stack of its own that is edited, and what the watcher said of it."""

    def __init__(self, project: Path, api: httpx.Client, said: list[str]) -> None:
        self.project = project
        self.api = api
        self.said = said

    def replace(self, name: str, old: str, new: str) -> None:
        path = self.project / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def heard(self, words: str, seconds: float) -> str:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for line in self.said:
                if words in line:
                    return line
            time.sleep(0.05)
        raise AssertionError(f"{words!r} was not said in {seconds} s, but {self.said}")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edited]:
    project = tmp_path_factory.mktemp("edited") / "project"
    shutil.copytree(TINY, project, ignore=shutil.ignore_patterns("__pycache__"))
    said: list[str] = []
    with (
        LocalStack(project.with_name("home"), project=project) as stack,
        httpx.Client(base_url=stack.url, timeout=30, trust_env=False) as api,
    ):
        watcher = Watcher(stack, said.append)
        watcher.start()
        yield Edited(project, api, said)
        watcher.stop()


@pytest.fixture
def edited(running: Edited) -> Edited:
    running.said.clear()
    return running


def test_an_edited_function_serves_the_next_request_through_its_alias(edited: Edited) -> None:
    edited.replace("function/echo.py", '"layer":', '"edited": True, "layer":')

    edited.heard("updated Echo", seconds=3)

    assert edited.api.get("/echo/1").json()["edited"]


def test_an_edited_layer_reaches_the_functions_that_have_it(edited: Edited) -> None:
    edited.replace("layer/python/layered.py", '"first"', '"second"')

    edited.heard("updated Layer, 1 functions", seconds=10)

    assert edited.api.get("/echo/1").json()["layer"] == "second"


def test_a_syntax_error_is_shown_and_the_old_code_goes_on(edited: Edited) -> None:
    before = edited.api.get("/echo/1").status_code
    edited.replace(
        "function/echo.py", "def handler(event, context):", "def handler(event, context:"
    )

    said = edited.heard("function/echo.py: line", seconds=3)

    assert "'(' was never closed" in said
    assert "def handler(event, context:" in said
    assert edited.api.get("/echo/1").status_code == before == 200
    edited.said.clear()
    edited.replace(
        "function/echo.py", "def handler(event, context:", "def handler(event, context):"
    )
    edited.heard("updated Echo", seconds=3)


def test_a_layer_that_does_not_build_is_shown_and_the_old_one_goes_on(edited: Edited) -> None:
    before = edited.api.get("/echo/1").json()["layer"]
    edited.replace("layer/Makefile", "cp -R", "no-such-command")

    said = edited.heard("building Layer failed", seconds=5)

    assert "no-such-command" in said
    assert edited.api.get("/echo/1").json()["layer"] == before


def test_an_edited_template_asks_for_a_restart(edited: Edited) -> None:
    edited.replace("template.yaml", "Timeout: 5", "Timeout: 6")

    edited.heard("template.yaml changed: restart to apply it.", seconds=3)
