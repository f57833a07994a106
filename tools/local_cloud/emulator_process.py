"""The emulator as a child process, which stops with its parent."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PYTHON = REPOSITORY / ".venv-emulator/bin/python"
# A shutdown takes at most a second; after this the process group is killed.
GRACE_SECONDS = 2.5
# Bounds a hang; a start takes a second on an idle machine.
START_SECONDS = 120


class EmulatorFailed(RuntimeError):
    """The emulator did not start; the message holds the end of its log."""


@dataclass
class EmulatorProcess:
    """``port`` serves the AWS APIs, ``api_port`` the deployed REST API; both on 127.0.0.1 only.

    ``endpoints`` maps parts of function names to their AWS endpoints, if not ``port``; the longest
    matching part wins. With ``sources`` (folders of functions and layers), logs name source files
    and hold exception messages. ``debug`` is the logical id of the function to debug at
    ``debug_port``.
    """

    home: Path
    port: int
    api_port: int
    api_name: str
    region: str
    sample: bool = True
    endpoints: Mapping[str, str] = field(default_factory=dict)
    sources: Sequence[Path] = ()
    debug: str = ""
    debug_port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.home / "emulator.log"

    @property
    def function_log(self) -> Path:
        """Logs of functions, one JSON object per invocation: group, function, time, lines."""
        return self.home / "functions.log"

    @property
    def traces(self) -> Path:
        """The newest X-Ray documents (some thousand), one JSON object a line."""
        return self.home / "traces.jsonl"

    @property
    def permission_log(self) -> Path:
        """IAM decisions, one JSON object a line: role, action, resource, allowed."""
        return self.home / "permissions.log"

    def start(self, keep_open: tuple[int, ...] = ()) -> None:
        """Start, and wait at most `START_SECONDS` until both ports respond.

        Raises EmulatorFailed.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        self.function_log.write_text("")
        self.permission_log.write_text("")
        arguments = [
            *("--port", str(self.port)),
            *("--api-port", str(self.api_port)),
            *("--api-name", self.api_name),
            *("--region", self.region),
            *("--state", str(self.home / "emulator")),
            *("--function-log", str(self.function_log)),
            *("--permission-log", str(self.permission_log)),
            *("--traces", str(self.traces)),
            *(() if self.sample else ("--no-sample",)),
            *("--endpoints", json.dumps({**self.endpoints})),
            *("--sources", json.dumps([str(it) for it in self.sources])),
            *("--debug", self.debug, "--debug-port", str(self.debug_port)),
        ]
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [PYTHON, "-m", "tools.local_cloud.emulator", *arguments],
                cwd=REPOSITORY,
                env={"PATH": os.environ.get("PATH", os.defpath)},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                # Keep Ctrl-C from the emulator; the parent stops it.
                process_group=0,
                pass_fds=keep_open,
            )
        self._wait_until_healthy()

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not self.alive():
                raise EmulatorFailed(f"The emulator exited at start.\n{tail(self.log)}")
            if _responds(self.port) and _responds(self.api_port):
                return
            time.sleep(0.02)
        self.stop()
        raise EmulatorFailed(f"The emulator does not respond.\n{tail(self.log)}")

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stop the emulator and all its environments."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        kill_group(self._process)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the process group that ``process`` leads."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin:
        process.stdin.close()


def tail(log: Path, lines: int = 30) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _responds(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/_ministack/health")
        connection.getresponse().read()
    except OSError:
        return False
    finally:
        connection.close()
    return True
