"""Execution environments of Lambda, each a process without the emulator's packages."""

import json
import os
import select
import subprocess
import sys
import threading
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, Queue
from typing import IO, Any
from uuid import uuid4

from ministack.core import lambda_runtime

from tools.local_cloud.emulator import bootstrap
from tools.local_cloud.emulator.bootstrap import END_OF_LOG
from tools.local_cloud.emulator.packages import Packages, search_path
from tools.local_cloud.emulator.settings import Settings
from tools.local_cloud.emulator.traces import Traces

BOOTSTRAP = Path(bootstrap.__file__)
# Bounds the wait for the end mark of a log, which a killed process does not write.
LOG_SECONDS = 0.5
# AWS allows 10; here other processes share the processors.
INIT_SECONDS = 30
# Remaining time in the context of a debugged function.
DEBUGGING_SECONDS = 24 * 60 * 60
HANDLER_FAILED = ("handler-error", "init-error")

# Bounds concurrent cold starts: a burst shares a few processors here, and would time out together.
start_slots = threading.Semaphore(max(2, os.process_cpu_count() or 2))
# The wait for a start slot of the current request.
start_wait: ContextVar["StartWait | None"] = ContextVar("start_wait", default=None)
# Log stream and request id of the last invocation on this thread.
last_run = threading.local()
# Any: ministack's own records.
Record = dict[str, Any]


class StartWait:
    """Seconds that a request waited for a start slot, which the gateway's timeout excludes."""

    def __init__(self) -> None:
        self._waited = 0.0
        self._waiting_since: float | None = None

    def begin(self) -> None:
        self._waiting_since = time.monotonic()

    def end(self) -> None:
        self._waited, self._waiting_since = self.seconds, None

    @property
    def seconds(self) -> float:
        began = self._waiting_since
        return self._waited + (time.monotonic() - began if began is not None else 0)


class Environment(lambda_runtime.Worker):  # type: ignore[misc]
    """Execution environment: a process that is kept between invocations."""

    def __init__(
        self,
        settings: Settings,
        packages: Packages,
        traces: Traces,
        name: str,
        config: Record,
        code: bytes,
    ) -> None:
        super().__init__(name, config, code)
        self._settings = settings
        self._packages = packages
        self._traces = traces
        self.has_slot = False
        self.is_debugged = settings.is_debugged(name)
        self.debug_port = 0
        self.log_stream = ""
        self._starting_log = ""

    def invoke(
        self,
        event: object,
        request_id: str,
        *,
        trace_id: str | None = None,
        invoked_function_arn: str | None = None,
        **_not_modelled: object,
    ) -> Record:
        try:
            with self._lock:
                return self._invoke_locked(event, request_id, trace_id, invoked_function_arn)
        finally:
            self.release_slot()

    def _invoke_locked(
        self, event: object, request_id: str, trace_id: str | None, function_arn: str | None
    ) -> Record:
        began = time.time()
        cold = not self.is_running
        response = self._start_process() if cold else None
        initialised = time.time() if cold else None
        last_run.log_stream, last_run.request_id = self.log_stream, request_id
        if response is None:
            timeout = None if self.is_debugged else float(self.config.get("Timeout", 3))
            request = {
                "event": event,
                "request_id": request_id,
                "trace_id": trace_id,
                "function_arn": function_arn or self.config["FunctionArn"],
                "deadline": time.time() + (DEBUGGING_SECONDS if timeout is None else timeout),
            }
            response = self._send(request, timeout)
        fault = response["status"] != "ok"
        self._traces.keep_invocation(trace_id, self.config, request_id, began, initialised, fault)
        if response["status"] == "ok":
            response["result"] = json.loads(response["result"])
        else:
            response["error"] = response["message"]
            # The log already has the handler's stack.
            response["trace"] = "" if response["status"] in HANDLER_FAILED else response["message"]
        return {**response, "cold_start": cold, "log": self._log()}

    @property
    def is_running(self) -> bool:
        return self._proc is not None and self._proc.poll() is None

    def _spawn(self) -> None:
        """Start the environment, as ministack does when it publishes a version."""
        self.start()

    def start(self) -> None:
        """Start the process; raise RuntimeError if the function cannot be initialised."""
        failure = self._start_process()
        if failure:
            raise RuntimeError(failure["message"])

    def _start_process(self) -> Record | None:
        today = datetime.now(UTC).strftime("%Y/%m/%d")
        version = self.config.get("Version", "$LATEST")
        self.log_stream = f"{today}/[{version}]{uuid4().hex}"
        code = self._packages.unpack(self.code_zip)
        layers = [self._packages.layer(it) for it in self.config.get("Layers") or []]
        # Any: ministack's attribute, which may be None.
        self._proc: Any = subprocess.Popen(
            # Isolated (-I) and without site (-S), so no package of the emulator can be imported.
            [
                *(getattr(sys, "_base_executable", sys.executable), "-I", "-S", "-B"),
                # Frozen modules hide their frames from a debugger.
                *(("-X", "frozen_modules=off") if self.is_debugged else ()),
                str(BOOTSTRAP),
            ],
            cwd=code,
            env=self._variables(code),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._stderr_queue: Queue[str | None] = Queue()
        threading.Thread(
            target=_read_lines, args=(self._proc.stderr, self._stderr_queue), daemon=True
        ).start()
        setup = {
            "path": search_path(code, layers),
            "sources": self._settings.sources,
            "debugpy": self._settings.debugpy if self.is_debugged else "",
            "advice": f"make run DEBUG={self._settings.logical_id(self.config['FunctionName'])}",
        }
        response = self._send(setup, timeout=None if self.is_debugged else INIT_SECONDS)
        if response["status"] == "ready":
            self.debug_port = response.get("debug_port", 0)
            self._starting_log = self._log()
            return None
        self._end()
        return response

    def _variables(self, code: Path) -> dict[str, str]:
        """Return the environment variables of Lambda.

        https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
        """
        account, region = lambda_runtime._account_region_from_function_config(self.config)
        name = self.config["FunctionName"]
        group = (self.config.get("LoggingConfig") or {}).get("LogGroup")
        return {
            "AWS_ENDPOINT_URL": self._settings.endpoint_of(name),
            **self.config.get("Environment", {}).get("Variables", {}),
            **lambda_runtime.execution_credentials(self.config),
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{self.config['Runtime']}",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": self.config.get("Version", "$LATEST"),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.config.get("MemorySize", 128)),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": group or f"/aws/lambda/{name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream,
            "AWS_XRAY_DAEMON_ADDRESS": self._traces.daemon_address,
            "LAMBDA_TASK_ROOT": str(code),
            "_HANDLER": self.config["Handler"],
            **({"LOG_EXCEPTION_MESSAGES": "true"} if self._settings.sources else {}),
            "TZ": ":UTC",
            "LANG": "en_US.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        }

    def _send(self, request: Record, timeout: float | None) -> Record:
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            self._proc.stdin.write(json.dumps(request).encode() + b"\n")
            self._proc.stdin.flush()
            line = _read_line(self._proc.stdout, deadline)
        except TimeoutError:
            self._end()
            message = f"Task timed out after {timeout:.2f} seconds"
            return {"status": "error", "type": "Sandbox.Timedout", "message": message}
        except OSError:
            line = b""
        if not line:
            self._end()
            message = "Runtime exited without providing a reason"
            return {"status": "error", "type": "Runtime.ExitError", "message": message}
        response: Record = json.loads(line)
        return response

    def kill(self) -> None:
        if self._proc is not None:
            self._proc.kill()

    def _end(self) -> None:
        self.kill()
        if self._proc is not None:
            self._proc.wait()

    def _log(self) -> str:
        lines, self._starting_log = [self._starting_log], ""
        deadline = time.monotonic() + LOG_SECONDS
        while True:
            try:
                line = self._stderr_queue.get(timeout=max(0, deadline - time.monotonic()))
            except Empty:
                break
            if line is None or line == END_OF_LOG:
                break
            lines.append(line)
        return "\n".join(line for line in lines if line)

    def release_slot(self) -> None:
        if self.has_slot:
            self.has_slot = False
            start_slots.release()

    def _discard_tmpdir(self) -> None:
        """Keep the packages, which environments share."""


def _read_lines(stream: IO[bytes], lines: Queue[str | None]) -> None:
    for line in stream:
        lines.put(line.decode("utf-8", errors="replace").rstrip("\n"))
    lines.put(None)


def _read_line(stream: IO[bytes], deadline: float | None) -> bytes:
    """Read one line, or b"" at the end of the stream; raises TimeoutError at ``deadline``."""
    parts: list[bytes] = []
    # poll, since select fails for file descriptors above 1023.
    waiting = select.poll()
    waiting.register(stream, select.POLLIN)
    while not parts or not parts[-1].endswith(b"\n"):
        left = None if deadline is None else max(0, deadline - time.monotonic()) * 1000
        if not waiting.poll(left):
            raise TimeoutError
        part = os.read(stream.fileno(), 1 << 20)
        if not part:
            return b""
        parts.append(part)
    return b"".join(parts)
