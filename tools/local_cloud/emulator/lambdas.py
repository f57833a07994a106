"""Functions in processes of their own that are as bare as Lambda's, and what they log."""

import json
import logging
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from queue import Empty, Queue
from typing import IO, Any
from uuid import uuid4

from ministack.core import lambda_runtime
from ministack.services import cloudwatch_logs, lambda_svc

from tools.local_cloud.emulator.bootstrap import END_OF_LOG
from tools.local_cloud.emulator.pinned import pinned
from tools.local_cloud.emulator.settings import Settings

BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
# Logs are complete when their end mark has come; this bounds the wait for a process that is gone.
LOG_PATIENCE = 0.5
HANDLER_FAILED = ("handler-error", "init-error")

log = logging.getLogger("local_cloud")
# Any: the emulator's own records.
Record = dict[str, Any]
# Which environment this thread ran last, for the log stream of the invocation.
_ran = threading.local()


def apply(settings: Settings) -> None:
    run_functions_in_bare_interpreters(settings)
    log_invocations_by_environment(settings)


def run_functions_in_bare_interpreters(settings: Settings) -> None:
    pinned(lambda_runtime, "_worker_class_for", "config")
    pinned(lambda_runtime, "execution_credentials", "config", source="register_session")
    pinned(lambda_runtime.Worker, "__init__", "self func_name config code_zip")
    pinned(
        lambda_runtime.Worker,
        "invoke",
        "self event request_id trace_id depth durable invoked_function_arn",
    )
    pinned(lambda_runtime.Worker, "_discard_tmpdir", "self")
    pinned(lambda_svc, "_execute_function_warm", source="worker.invoke(")
    pinned(lambda_svc, "_resolve_layer_zip", "attachment")

    packages = Packages(settings.state / "packages")
    lambda_runtime._worker_class_for = lambda _: partial(Environment, settings, packages)


class Packages:
    """Deployment packages and layers, each unpacked once for all environments that use it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._layers: dict[str, Path] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def unpacked(self, content: bytes) -> Path:
        target = self._folder / sha256(content).hexdigest()[:32]
        with self._lock:
            if not target.exists():
                # Whole or not at all, should the emulator be killed in between.
                unfinished = Path(tempfile.mkdtemp(dir=self._folder))
                with zipfile.ZipFile(BytesIO(content)) as archive:
                    archive.extractall(unfinished)
                unfinished.rename(target)
        return target

    def layer(self, attachment: str | Record) -> Path:
        arn = attachment if isinstance(attachment, str) else attachment["Arn"]
        if arn not in self._layers:
            content = lambda_svc._resolve_layer_zip(attachment)
            if content is None:
                raise FileNotFoundError(f"The layer {arn} has no content.")
            self._layers[arn] = self.unpacked(content)
        return self._layers[arn]


class Environment(lambda_runtime.Worker):  # type: ignore[misc]
    """One execution environment: a process that is frozen, not ended, between invocations."""

    def __init__(
        self, settings: Settings, packages: Packages, name: str, config: Record, code: bytes
    ) -> None:
        super().__init__(name, config, code)
        self._settings = settings
        self._packages = packages
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
        with self._lock:
            cold = self._proc is None or self._proc.poll() is not None
            answer = self._started() if cold else None
            _ran.log_stream = self.log_stream
            if answer is None:
                timeout = float(self.config.get("Timeout", 3))
                request = {
                    "event": event,
                    "request_id": request_id,
                    "trace_id": trace_id,
                    "function_arn": invoked_function_arn or self.config["FunctionArn"],
                    "deadline": time.time() + timeout,
                }
                answer = self._asked(request, timeout)
            if answer["status"] == "ok":
                answer["result"] = json.loads(answer["result"])
            else:
                answer["error"] = answer["message"]
                # The handler's own stack is in the log already.
                answer["trace"] = "" if answer["status"] in HANDLER_FAILED else answer["message"]
            return {**answer, "cold_start": cold, "log": self._log()}

    def _spawn(self) -> None:
        """Start the environment; ministack calls this too, when it publishes a version."""
        failure = self._started()
        if failure:
            raise RuntimeError(failure["message"])

    def _started(self) -> Record | None:
        today = datetime.now(UTC).strftime("%Y/%m/%d")
        version = self.config.get("Version", "$LATEST")
        self.log_stream = f"{today}/[{version}]{uuid4().hex}"
        code = self._packages.unpacked(self.code_zip)
        layers = [self._packages.layer(it) for it in self.config.get("Layers") or []]
        # Any: the emulator's own attribute, which holds nothing in between.
        self._proc: Any = subprocess.Popen(
            # Isolated and without site, so that nothing of the emulator can be imported.
            [getattr(sys, "_base_executable", sys.executable), "-I", "-S", "-B", str(BOOTSTRAP)],
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
        answer = self._asked({"path": _search_path(code, layers)}, timeout=10)
        if answer["status"] == "ready":
            self._starting_log = self._log()
            return None
        self._end()
        return answer

    def _variables(self, code: Path) -> dict[str, str]:
        """https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
        account, region = lambda_runtime._account_region_from_function_config(self.config)
        name = self.config["FunctionName"]
        group = (self.config.get("LoggingConfig") or {}).get("LogGroup")
        return {
            "AWS_ENDPOINT_URL": self._settings.endpoint,
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
            "LAMBDA_TASK_ROOT": str(code),
            "_HANDLER": self.config["Handler"],
            "TZ": ":UTC",
            "LANG": "en_US.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        }

    def _asked(self, request: Record, timeout: float) -> Record:
        deadline = time.monotonic() + timeout
        try:
            self._proc.stdin.write(json.dumps(request).encode() + b"\n")
            self._proc.stdin.flush()
            line = _line(self._proc.stdout, deadline)
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
        answer: Record = json.loads(line)
        return answer

    def _end(self) -> None:
        if self._proc is not None:
            self._proc.kill()
            self._proc.wait()

    def _log(self) -> str:
        lines, self._starting_log = [self._starting_log], ""
        deadline = time.monotonic() + LOG_PATIENCE
        while True:
            try:
                line = self._stderr_queue.get(timeout=max(0, deadline - time.monotonic()))
            except Empty:
                break
            if line is None or line == END_OF_LOG:
                break
            lines.append(line)
        return "\n".join(line for line in lines if line)

    def _discard_tmpdir(self) -> None:
        """Nothing to discard: packages are shared."""


def _search_path(code: Path, layers: list[Path]) -> list[str]:
    """As on AWS: the function before its layers, which are laid over each other in /opt."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    libraries = [layer / "python/lib" / version / "site-packages" for layer in reversed(layers)]
    roots = [layer / "python" for layer in reversed(layers)]
    return [str(code), *(str(it) for it in libraries + roots if it.is_dir())]


def _read_lines(stream: IO[bytes], lines: Queue[str | None]) -> None:
    for line in stream:
        lines.put(line.decode("utf-8", errors="replace").rstrip("\n"))
    lines.put(None)


def _line(stream: IO[bytes], deadline: float) -> bytes:
    """One line, of however many reads; empty at the end of the stream."""
    parts: list[bytes] = []
    while not parts or not parts[-1].endswith(b"\n"):
        ready, _, _ = select.select([stream], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError
        part = os.read(stream.fileno(), 1 << 20)
        if not part:
            return b""
        parts.append(part)
    return b"".join(parts)


def log_invocations_by_environment(settings: Settings) -> None:
    """Keep one log stream per environment, as on AWS, and copy what is logged into a file."""
    pinned(
        lambda_svc,
        "_emit_lambda_logs",
        "func request_id log_text error duration_ms log_source",
        source='stream_name = f"',
    )
    append = pinned(cloudwatch_logs, "_append_log_events", "stream events")
    pinned(cloudwatch_logs, "_make_group_arn", "name")
    pinned(cloudwatch_logs, "_log_groups")
    pinned(cloudwatch_logs, "_fanout_to_subscription_filters")
    copies = settings.function_log.open("a", encoding="utf-8", buffering=1)

    def emit(
        func: Record,
        request_id: str,
        log_text: str,
        _error: bool,
        duration_ms: int,
        **_not_modelled: object,
    ) -> None:
        config = func.get("config") or func
        name = config["FunctionName"]
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
        stream = getattr(_ran, "log_stream", "unknown")
        now = int(time.time() * 1000)
        lines = [
            f"START RequestId: {request_id} Version: {config.get('Version', '$LATEST')}",
            *log_text.splitlines(),
            f"END RequestId: {request_id}",
            f"REPORT RequestId: {request_id}\tDuration: {duration_ms} ms\t"
            f"Memory Size: {config.get('MemorySize', 128)} MB",
        ]
        events = [{"timestamp": now, "message": it, "ingestionTime": now} for it in lines]
        append(_stream(group, stream, now), events)
        cloudwatch_logs._fanout_to_subscription_filters(
            group, stream, [{"timestamp": now, "message": it} for it in lines]
        )
        copies.write(
            json.dumps({"group": group, "function": name, "time": now, "lines": lines[1:-2]}) + "\n"
        )

    lambda_svc._emit_lambda_logs = emit


def _stream(group_name: str, stream_name: str, now: int) -> Record:
    groups = cloudwatch_logs._log_groups
    if group_name not in groups:
        groups[group_name] = {
            "arn": cloudwatch_logs._make_group_arn(group_name),
            "creationTime": now,
            "retentionInDays": None,
            "tags": {},
            "subscriptionFilters": {},
            "streams": {},
        }
    stream: Record = groups[group_name]["streams"].setdefault(
        stream_name,
        {
            "events": [],
            "uploadSequenceToken": "1",
            "creationTime": now,
            "firstEventTimestamp": None,
            "lastEventTimestamp": None,
            "lastIngestionTime": None,
        },
    )
    return stream
