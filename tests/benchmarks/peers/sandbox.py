"""One execution environment: Lambda's runtime loop behind Amazon's interface emulator."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any  # Any: events and responses are JSON

from tests.benchmarks.peers.build import MACHINE, Built
from tests.support.sam_template import ROOT
from tools.local_cloud.free_port import HOST, free_port

PYTHON = Path(sys.base_prefix, "bin/python3.13")

_SITE = ROOT / ".venv-sam/lib/python3.13/site-packages"
_EMULATOR = _SITE / f"samcli/local/rapid/aws-lambda-rie-{MACHINE}"
_INVOKE = "/2015-03-31/functions/function/invocations"


class Sandbox:
    def __init__(self, emulator: int, port: int) -> None:
        self._emulator = emulator
        self._connection = HTTPConnection(HOST, port, timeout=60)

    def invoke(self, event: Mapping[str, Any]) -> tuple[Any, float]:
        """Return the function's response and its seconds; the first call starts the process."""
        body = json.dumps(event)
        began = time.perf_counter()
        self._connection.request("POST", _INVOKE, body)
        response = self._connection.getresponse().read()
        return json.loads(response), time.perf_counter() - began

    def cpu_seconds(self) -> float:
        """Return the CPU time of the runtime's process since its start, with all ended threads."""
        # The kernel's clock of another process; time.pthread_getcpuclockid() covers our own only.
        return time.clock_gettime((~self._runtime() << 3) | 2)

    def peak_bytes(self) -> int:
        status = Path(f"/proc/{self._runtime()}/status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024

    def close(self) -> None:
        self._connection.close()

    def _runtime(self) -> int:
        for children in Path(f"/proc/{self._emulator}/task").glob("*/children"):
            for child in children.read_text().split():
                return int(child)
        raise RuntimeError("the runtime has ended")


@contextmanager
def sandbox(
    built: Built, runtime: Path, handler: str, environment: Mapping[str, str], log: Path
) -> Iterator[Sandbox]:
    """Prepare a sandbox; as on Lambda, the process starts with the first event."""
    port = free_port()
    command = [
        str(_EMULATOR),
        *("--runtime-api-address", f"{HOST}:{free_port()}"),
        *("--runtime-interface-emulator-address", f"{HOST}:{port}"),
        *(str(PYTHON), "-m", "awslambdaric", handler),
    ]
    with log.open("w") as lines:
        process = subprocess.Popen(
            command,
            cwd=built.task,
            env={**variables(built, runtime), **environment},
            stdout=lines,
            stderr=lines,
        )
    _wait(port, process)
    begun = Sandbox(process.pid, port)
    try:
        yield begun
    finally:
        begun.close()
        process.terminate()  # ends the runtime too
        process.wait()


def variables(built: Built, runtime: Path) -> dict[str, str]:
    """Return the environment variables that Lambda sets."""
    return {
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "10",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_LAMBDA_LOG_LEVEL": "INFO",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": f"{HOST}:2000",
        "LAMBDA_TASK_ROOT": str(built.task),
        "LANG": "en_US.UTF-8",
        "PATH": os.defpath,
        "PYTHONDONTWRITEBYTECODE": "1",  # /opt and /var/task are read-only
        "PYTHONPATH": ":".join(map(str, (*built.layers, runtime))),
        "TZ": ":UTC",
    }


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        probe = HTTPConnection(HOST, port, timeout=5)
        try:
            probe.connect()
            return
        except OSError:
            time.sleep(0.005)
        finally:
            probe.close()
    raise RuntimeError("the emulator does not respond")
