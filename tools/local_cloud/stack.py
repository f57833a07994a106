"""The local stack: build, deploy on the emulator, and seed."""

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from tools.local_cloud.clients import CREDENTIALS, client
from tools.local_cloud.emulator_process import (
    PYTHON,
    REPOSITORY,
    EmulatorFailed,
    EmulatorProcess,
    kill_group,
    tail,
)
from tools.local_cloud.free_port import HOST, free_port, is_free
from tools.local_cloud.project import (
    architecture,
    declared_parameters,
    operations_parameters,
    operations_template,
    read_deployment,
    read_project,
    release,
)

SAM = REPOSITORY / ".venv-sam/bin/sam"
# Waits for processes of a killed run that still use the folder.
LOCK_SECONDS = 15

# URL of the API in samconfig.toml, which this stack replaces by its own.
USUAL_URL = "http://localhost:8080"

# Called with a phase and None at its start, and with its seconds at its end.
Progress = Callable[[str, float | None], None]


class LocalStackFailed(RuntimeError):
    """The stack cannot start; the message for the user holds the end of the log."""


@dataclass(frozen=True)
class Admin:
    email: str
    password: str


@dataclass(frozen=True)
class OAuthClients:
    """Ids of a public and of a confidential client, and the secret of the second."""

    public: str
    confidential: str
    secret: str


@dataclass(frozen=True)
class Seeded:
    """What the seed created that a user needs."""

    admin: Admin | None = None
    clients: OAuthClients | None = None


@dataclass(frozen=True)
class StackInfo:
    """URLs of the API and of the AWS APIs, the admin, and OAuth clients; also in a JSON file."""

    url: str
    emulator: str
    admin: Admin | None
    clients: OAuthClients | None


class LocalStack:
    """The stack from ``start`` to ``stop``, as a context manager.

    ``home`` has the build and the logs. Port 0 is any free one. ``seed`` is called with the
    deployed stack. ``endpoints`` maps parts of function names to their AWS
    endpoints, if not the emulator, for proxies between them: the longest matching part wins, and
    the empty one matches all. ``sample`` traces requests. ``parameters`` of the template replace
    those of samconfig.toml. With ``is_for_development``, logs have exception messages and paths of
    sources. Debuggers attach to the function with the logical id ``debug`` at ``debug_port``.
    """

    def __init__(
        self,
        home: Path,
        port: int = 0,
        emulator_port: int = 0,
        progress: Progress = lambda *_: None,
        *,
        project: Path = REPOSITORY,
        seed: Callable[["LocalStack"], Seeded] = lambda _: Seeded(),
        info_file: Path | None = None,
        sample: bool = True,
        endpoints: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
        is_for_development: bool = False,
        debug: str = "",
        debug_port: int = 0,
    ) -> None:
        self.home = home.resolve()
        self.project = project
        self.info_file = info_file or self.home / "stack.json"
        self.deployment = read_deployment(project)
        self._progress = progress
        self._seed = seed
        self._sample = sample
        self._endpoints = endpoints or {}
        self._overrides = parameters or {}
        self._is_for_development = is_for_development
        self._debug = debug
        self._requested_ports = {"PORT": port, "EMULATOR_PORT": emulator_port}
        if debug:
            self._requested_ports["DEBUG_PORT"] = debug_port
        self._running: list[subprocess.Popen[bytes]] = []
        self._lock: IO[str] | None = None
        self._temporary = tempfile.gettempdir()
        self._emulator: EmulatorProcess | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def emulator(self) -> EmulatorProcess:
        if self._emulator is None:
            raise LookupError("The local stack is not started.")
        return self._emulator

    @property
    def url(self) -> str:
        """URL of the API; that of the AWS APIs is ``emulator.endpoint``."""
        return f"http://{HOST}:{self.emulator.api_port}"

    # Any: botocore creates its clients at run time.
    def client(self, service: str) -> Any:
        """Return a client of an AWS API, as the account's root."""
        return client(service, self.emulator.endpoint, self.deployment.region)

    def resources(self, suffix: str = "") -> dict[str, str]:
        """Return the physical ids by logical id, of the second stack with `-operations`."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        return {
            found["LogicalResourceId"]: found["PhysicalResourceId"]
            for page in pages.paginate(StackName=f"{self.deployment.stack_name}{suffix}")
            for found in page["StackResourceSummaries"]
        }

    def start(self) -> StackInfo:
        """Build, deploy and seed; raise LocalStackFailed if a step fails."""
        for needed in (SAM, PYTHON):
            if not needed.exists():
                raise LocalStackFailed(
                    f"{needed.relative_to(REPOSITORY)} is missing: run make environments"
                )
        declared = read_project(self.project / "template.yaml")
        names = sorted(it.logical_id for it in declared.functions)
        if self._debug and self._debug not in names:
            raise LocalStackFailed(
                f"There is no function {self._debug} to debug. Functions: {', '.join(names)}."
            )
        ports = {name: _port(name, wanted) for name, wanted in self._requested_ports.items()}
        self.home.mkdir(parents=True, exist_ok=True)
        self._lock = self._acquire_lock()
        self._make_temporary()
        self.info_file.unlink(missing_ok=True)
        name, region = self.deployment.stack_name, self.deployment.region
        folders = {
            *(it.folder for it in declared.functions),
            *(it.folder for it in declared.layers),
        }
        self._emulator = EmulatorProcess(
            self.home,
            ports["EMULATOR_PORT"],
            ports["PORT"],
            name,
            region,
            self._sample,
            self._endpoints,
            sorted(folders) if self._is_for_development else (),
            self._debug,
            ports.get("DEBUG_PORT", 0),
        )

        with ThreadPoolExecutor(2) as both:
            emulator = both.submit(self._start_emulator)
            try:
                with self._phase("build"):
                    self._build()
                emulator.result()
            except BaseException:
                self._kill_commands()
                raise
        with self._phase("deploy"):
            self._deploy()
        with ThreadPoolExecutor(1) as beside:
            operations = beside.submit(self._deploy_operations)
            try:
                with self._phase("seed"):
                    seeded = self._seed(self)
                operations.result()
            except BaseException:
                self._kill_commands()
                raise
        self.info = StackInfo(self.url, self.emulator.endpoint, seeded.admin, seeded.clients)
        self._write_info()
        return self.info

    def redeploy(self) -> None:
        """Build and deploy a changed template; raise LocalStackFailed if that fails."""
        self._build()
        self._deploy()
        self._deploy_operations()

    def stop(self) -> None:
        """Stop all processes, without waiting for requests."""
        if self._lock is None:
            # Nothing was started: another run may use the folder.
            return
        self.info_file.unlink(missing_ok=True)
        self._kill_commands()
        if self._emulator:
            self._emulator.stop()
        self._remove_temporary()
        self._lock.close()
        self._lock = None

    def _start_emulator(self) -> None:
        try:
            with self._phase("emulator"):
                self.emulator.start(keep_open=self._inherited_descriptors())
        except EmulatorFailed as failed:
            raise LocalStackFailed(str(failed)) from failed

    def _build(self) -> None:
        self._sam(
            *("build", "--build-dir", str(self.home / "build")),
            *("--cached", "--cache-dir", str(self.home / "cache"), "--parallel"),
            *("--parameter-overrides", *self._parameters()),
        )

    def _deploy(self) -> None:
        self._sam(
            *("deploy", "--template", str(self.home / "build/template.yaml")),
            *("--config-file", str(self.project / "samconfig.toml")),
            *("--no-progressbar", "--parameter-overrides", *self._parameters()),
        )

    def _deploy_operations(self) -> None:
        template = operations_template(self.project)
        if template is None:
            return
        with self._phase("operations"):
            stacks = self.client("cloudformation")
            name = self.deployment.stack_name
            (shop,) = stacks.describe_stacks(StackName=name)["Stacks"]
            overrides = operations_parameters(template, shop).items()
            self._sam(
                *("deploy", "--template", str(template)),
                *("--config-file", str(self.project / "samconfig.toml")),
                *("--stack-name", f"{name}-operations", "--no-progressbar"),
                *("--parameter-overrides", *(f"{key}={value}" for key, value in overrides)),
                log_name="operations",
            )

    def _parameters(self) -> list[str]:
        configured = dict(it.split("=", 1) for it in self.deployment.parameters)
        chosen = {
            name: value.replace(USUAL_URL, self.url)
            for name, value in {**configured, **self._overrides}.items()
        }
        if "Release" in declared_parameters(self.project / "template.yaml"):
            chosen["Release"] = release("local", chosen)
        return [f"{name}={value}" for name, value in chosen.items()]

    def _sam(self, command: str, *arguments: str, log_name: str = "") -> None:
        log = self.home / f"{log_name or command}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [SAM, command, *arguments],
                cwd=self.project,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
                pass_fds=self._inherited_descriptors(),
            )
            self._running.append(process)
            code = process.wait()
        self._running.remove(process)
        if code:
            raise LocalStackFailed(f"sam {command} failed, see {log}\n\n{tail(log)}")

    def environment(self) -> dict[str, str]:
        """Return the environment without variables that could reach a real AWS account."""
        hidden = ("AWS_", "SAM_", "PYTHON", "VIRTUAL_ENV")
        inherited = {it: value for it, value in os.environ.items() if not it.startswith(hidden)}
        return inherited | {
            **CREDENTIALS,
            # For the makefiles of the layers.
            "ARCHITECTURE": architecture(),
            "AWS_ENDPOINT_URL": self.emulator.endpoint,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_DEFAULT_REGION": self.deployment.region,
            "NO_PROXY": HOST,
            "no_proxy": HOST,
            "PATH": os.pathsep.join(
                [str(SAM.parent), str(REPOSITORY / ".uv/bin"), os.environ.get("PATH", os.defpath)]
            ),
            # SAM leaves an empty temporary folder for each function.
            "TMPDIR": self._temporary,
            "SAM_CLI_POLL_DELAY": "0.2",
            "SAM_CLI_TELEMETRY": "0",
            "__SAM_CLI_APP_DIR": str(self.home / "sam"),
        }

    def _make_temporary(self) -> None:
        """Create a folder for SAM's temporary files, which it does not remove.

        It is not in ``home``, since that path may be too long for sockets.
        """
        self._remove_temporary()  # of a run that was killed
        self._temporary = tempfile.mkdtemp(prefix="shop-")
        self._temporary_note.write_text(self._temporary)

    def _remove_temporary(self) -> None:
        if self._temporary_note.exists():
            shutil.rmtree(self._temporary_note.read_text(), ignore_errors=True)
            self._temporary_note.unlink()

    @property
    def _temporary_note(self) -> Path:
        return self.home / "temporary"

    def _inherited_descriptors(self) -> tuple[int, ...]:
        """File descriptors for child processes, so the lock is held until all have exited."""
        return (self._lock.fileno(),) if self._lock else ()

    def _kill_commands(self) -> None:
        # Copy the list: the waiting thread removes its process.
        for process in list(self._running):
            kill_group(process)

    def _acquire_lock(self) -> IO[str]:
        lock = (self.home / "lock").open("w")
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return lock
            if time.monotonic() > deadline:
                raise LocalStackFailed(f"Another local cloud runs in {self.home}: stop it first.")
            time.sleep(0.1)

    def _write_info(self) -> None:
        # Rename a complete file, since other processes wait for it.
        unfinished = self.info_file.with_suffix(".new")
        unfinished.write_text(json.dumps(asdict(self.info), indent=2) + "\n")
        unfinished.rename(self.info_file)

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        self._progress(name, None)
        started = time.monotonic()
        yield
        self._progress(name, time.monotonic() - started)


def _port(name: str, wanted: int) -> int:
    if wanted and not is_free(wanted):
        raise LocalStackFailed(
            f"Port {wanted} is taken. Free it, or choose another: make run {name}={wanted + 1}"
        )
    return wanted or free_port()
