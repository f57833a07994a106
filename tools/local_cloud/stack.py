"""The whole system on this machine: built, deployed on the emulator, and seeded."""

import fcntl
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tools.local_cloud.clients import CREDENTIALS, client
from tools.local_cloud.emulator_process import (
    PYTHON,
    REPOSITORY,
    EmulatorProcess,
    kill_group,
    tail,
)
from tools.local_cloud.free_port import HOST, free_port, is_free

NAME = "shop-local"
REGION = "eu-central-1"
SAM = REPOSITORY / ".venv-sam/bin/sam"
ARTIFACTS = "artifacts"
# What a run that was killed may still be finishing in the same folder.
LOCK_SECONDS = 15

# Called with what begins, and again with its seconds when it is done.
Progress = Callable[[str, float | None], None]


class LocalStackFailed(RuntimeError):
    """The stack cannot be had; the message is for whoever runs it, with the end of the log."""


@dataclass(frozen=True)
class Admin:
    email: str
    password: str


@dataclass(frozen=True)
class StackInfo:
    """Where the API and the AWS APIs are, and who may do everything; also in a JSON file."""

    url: str
    emulator: str
    admin: Admin | None


class LocalStack:
    """The stack from ``start`` to ``stop``; a context manager, so that it ends in any case.

    ``home`` keeps the build and the logs. Port 0 is any free one. ``seed`` gets the endpoint of
    the AWS APIs and the URL of the API once the stack is deployed, and returns its admin.
    """

    def __init__(
        self,
        home: Path,
        port: int = 0,
        emulator_port: int = 0,
        progress: Progress = lambda *_: None,
        *,
        project: Path = REPOSITORY,
        seed: Callable[[str, str], Admin | None] = lambda *_: None,
        info_file: Path | None = None,
    ) -> None:
        self.home = home.resolve()
        self.project = project
        self.info_file = info_file or self.home / "stack.json"
        self._progress = progress
        self._seed = seed
        self._wanted = {"PORT": port, "EMULATOR_PORT": emulator_port}
        self._running: list[subprocess.Popen[bytes]] = []
        self._lock: IO[str] | None = None
        self.emulator: EmulatorProcess | None = None

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
    def endpoint(self) -> str:
        """Of the AWS APIs."""
        assert self.emulator is not None, "not started"
        return self.emulator.endpoint

    @property
    def function_log(self) -> Path:
        assert self.emulator is not None, "not started"
        return self.emulator.function_log

    @property
    def build_folder(self) -> Path:
        return self.home / "build"

    def resources(self) -> dict[str, str]:
        """Physical ids by logical id."""
        pages = client("cloudformation", self.endpoint, REGION).get_paginator(
            "list_stack_resources"
        )
        return {
            found["LogicalResourceId"]: found["PhysicalResourceId"]
            for page in pages.paginate(StackName=NAME)
            for found in page["StackResourceSummaries"]
        }

    def start(self) -> StackInfo:
        """Build, deploy and seed; raises LocalStackFailed."""
        for needed in (SAM, PYTHON):
            if not needed.exists():
                raise LocalStackFailed(f"{needed.relative_to(REPOSITORY)} is missing: make install")
        port, emulator_port = (_port(name, port) for name, port in self._wanted.items())
        self.home.mkdir(parents=True, exist_ok=True)
        self._lock = self._locked()
        self.info_file.unlink(missing_ok=True)
        self.emulator = EmulatorProcess(self.home, emulator_port, port, NAME, REGION)

        with ThreadPoolExecutor(2) as both:
            emulator = both.submit(self._start_emulator)
            try:
                self._build()
                emulator.result()
            except BaseException:
                self._end_commands()
                raise
        self._deploy()
        url = f"http://{HOST}:{port}"
        with self._phase("seed"):
            admin = self._seed(self.endpoint, url)
        self.info = StackInfo(url, self.endpoint, admin)
        self._write_info()
        return self.info

    def stop(self) -> None:
        """End everything that was started, at once."""
        self.info_file.unlink(missing_ok=True)
        self._end_commands()
        if self.emulator:
            self.emulator.stop()
        if self._lock:
            self._lock.close()
            self._lock = None

    def _start_emulator(self) -> None:
        assert self.emulator and self._lock
        with self._phase("emulator"):
            self.emulator.start(keep_open=(self._lock.fileno(),))
            client("s3", self.endpoint, REGION).create_bucket(
                Bucket=ARTIFACTS, CreateBucketConfiguration={"LocationConstraint": REGION}
            )

    def _build(self) -> None:
        with self._phase("build"):
            self._sam(
                *("build", "--template", str(self.project / "template.yaml")),
                *("--build-dir", str(self.build_folder)),
                *("--cached", "--cache-dir", str(self.home / "cache"), "--parallel"),
                *("--parameter-overrides", f"Architecture={_architecture()}"),
            )

    def _deploy(self) -> None:
        with self._phase("deploy"):
            self._sam(
                *("deploy", "--template", str(self.build_folder / "template.yaml")),
                *("--stack-name", NAME, "--region", REGION, "--s3-bucket", ARTIFACTS),
                *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
                *("--no-confirm-changeset", "--no-progressbar"),
                *("--parameter-overrides", f"Architecture={_architecture()}"),
            )

    def _sam(self, command: str, *arguments: str) -> None:
        log = self.home / f"{command}.log"
        assert self._lock
        with log.open("wb") as output:
            process = subprocess.Popen(
                [SAM, command, *arguments],
                cwd=self.project,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
                # Should this process be killed, the next one waits until the command has ended.
                pass_fds=(self._lock.fileno(),),
            )
            self._running.append(process)
            code = process.wait()
        self._running.remove(process)
        if code:
            raise LocalStackFailed(f"sam {command} failed, see {log}\n\n{tail(log)}")

    def _environment(self) -> dict[str, str]:
        """Ours, but for whatever could lead to a real AWS account."""
        hidden = ("AWS_", "SAM_", "PYTHON", "VIRTUAL_ENV")
        inherited = {it: value for it, value in os.environ.items() if not it.startswith(hidden)}
        return inherited | {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_DEFAULT_REGION": REGION,
            "NO_PROXY": HOST,
            "no_proxy": HOST,
            "PATH": f"{SAM.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "SAM_CLI_POLL_DELAY": "0.2",
            "SAM_CLI_TELEMETRY": "0",
            "__SAM_CLI_APP_DIR": str(self.home / "sam"),
        }

    def _end_commands(self) -> None:
        for process in self._running:
            kill_group(process)

    def _locked(self) -> IO[str]:
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
        # Whole or not at all: others wait for this file.
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


def _architecture() -> str:
    return "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
