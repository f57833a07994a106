"""Start and stop of the local cloud, also after signals and failures."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from tests.local_cloud.conftest import TINY
from tests.support.waiting import HANG_SECONDS, eventually
from tools.local_cloud.emulator_process import REPOSITORY, EmulatorProcess
from tools.local_cloud.free_port import free_port, is_free
from tools.local_cloud.stack import LocalStack, LocalStackFailed


@pytest.fixture
def run(tmp_path: Path) -> Iterator["Run"]:
    running = Run(tmp_path)
    yield running
    running.end()


class Run:
    """``make run`` of the tiny stack in a child process."""

    def __init__(self, home: Path) -> None:
        self.info = home / "stack.json"
        self.ports = free_port(), free_port()
        self._arguments = [
            *("--home", str(home), "--project", str(TINY), "--no-demo"),
            *("--port", str(self.ports[0]), "--emulator-port", str(self.ports[1])),
        ]

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tools.local_cloud.run", *self._arguments],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
        )

    def wait_until_ready(self) -> None:
        def is_over() -> bool:
            return self.info.exists() or self.process.poll() is not None

        assert eventually(is_over)
        assert self.process.poll() is None, self.output()

    def output(self) -> str:
        assert self.process.stdout
        return self.process.stdout.read().decode()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_all_processes(run: Run, number: signal.Signals) -> None:
    run.start()
    run.wait_until_ready()
    url = json.loads(run.info.read_text())["url"]
    # Start an environment, which must stop as well.
    assert httpx2.get(f"{url}/faulty", trust_env=False).status_code == 200
    started = _descendants(run.process.pid)

    run.process.send_signal(number)
    output = run.output()

    assert run.process.wait(HANG_SECONDS) == 0
    assert not run.info.exists()
    assert len(started) >= 2
    assert not started & _processes().keys()
    assert "TOKEN=" in output


def test_signal_during_start_stops_all_processes(run: Run) -> None:
    run.start()
    # The emulator and the build, one process each.
    assert eventually(lambda: len(_descendants(run.process.pid)) >= 2)
    started = _descendants(run.process.pid)

    run.process.send_signal(signal.SIGTERM)

    assert run.process.wait(HANG_SECONDS) == 128 + signal.SIGTERM
    assert not run.info.exists()
    assert not started & _processes().keys()


def test_killed_run_leaves_no_process_and_restarts(run: Run) -> None:
    run.start()
    run.wait_until_ready()
    started = _descendants(run.process.pid)

    run.process.kill()
    run.process.wait()

    assert _ended(started)
    run.end()
    run.start()
    run.info.unlink()
    run.wait_until_ready()


def test_taken_port_is_named_with_an_alternative(run: Run) -> None:
    run.info.write_text("{}")
    with socket.create_server(("127.0.0.1", run.ports[0])):
        run.start()
        code, output = run.process.wait(HANG_SECONDS), run.output()

    assert code == 1
    assert f"Port {run.ports[0]} is taken" in output
    assert f"make run PORT={run.ports[0] + 1}" in output
    # Nothing was started, and the file of the other run is unchanged.
    assert "build" not in output
    assert run.info.read_text() == "{}"


def test_second_run_in_a_folder_is_rejected(
    stack: LocalStack, tiny_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.local_cloud.stack.LOCK_SECONDS", 0)

    with (
        pytest.raises(LocalStackFailed, match="Another local cloud runs in"),
        LocalStack(stack.home, project=tiny_project),
    ):
        raise AssertionError("it started")

    assert stack.info_file.exists()


def test_failed_deployment_shows_the_end_of_its_log(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(
        "Transform: AWS::Serverless-2016-10-31\n"
        "Resources: {Odd: {Type: 'AWS::Odd::Thing', Properties: {}}}\n"
    )
    (tmp_path / "samconfig.toml").write_text((TINY / "samconfig.toml").read_text())

    with (
        pytest.raises(LocalStackFailed, match=r"sam deploy failed(.|\n)*AWS::Odd::Thing"),
        LocalStack(tmp_path / "home", project=tmp_path),
    ):
        raise AssertionError("it started")

    assert not (tmp_path / "home/stack.json").exists()


def test_emulator_stops_when_its_parent_exits(tmp_path: Path) -> None:
    emulator = EmulatorProcess(tmp_path, free_port(), free_port(), "none", "eu-central-1")
    emulator.start()
    response = httpx2.get(f"http://127.0.0.1:{emulator.api_port}/", trust_env=False)
    # The kernel closes it when the parent is killed.
    assert emulator._process
    assert emulator._process.stdin
    emulator._process.stdin.close()

    assert emulator._process.wait(HANG_SECONDS) == 0
    assert response.status_code == 503
    assert is_free(emulator.port)
    assert is_free(emulator.api_port)


def _processes() -> dict[int, int]:
    """Return parents by process id, without zombies."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True
    )
    rows = (line.split() for line in listed.stdout.splitlines())
    return {int(pid): int(parent) for pid, parent, state in rows if state[0] != "Z"}


def _descendants(process: int) -> set[int]:
    parents = _processes()
    found = {process}
    while more := {it for it, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {process}


def _ended(processes: set[int]) -> bool:
    if eventually(lambda: not processes & _processes().keys()):
        return True
    for left in processes & _processes().keys():
        with suppress(ProcessLookupError):
            os.kill(left, signal.SIGKILL)
    return False
