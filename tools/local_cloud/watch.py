"""Deploy edits to the running stack: publish a version, then move the alias."""

import os
import re
import subprocess
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterable
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from yaml import YAMLError

from tools.local_cloud.project import Layer, read_project
from tools.local_cloud.stack import LocalStack, LocalStackFailed

POLL_SECONDS = 0.3
# Editors write in several steps; a file unchanged for this long is complete.
SETTLED_SECONDS = 0.1

# Modification time and size of each file.
Snapshot = dict[Path, tuple[int, int]]


class EditRejected(ValueError):
    """An edit that cannot be deployed, so the stack stays unchanged; the message says why."""


class Watcher:
    """Watcher that polls the sources of a stack on a thread, and reports to ``write``."""

    def __init__(self, stack: LocalStack, write: Callable[[str], None]) -> None:
        self._stack = stack
        self._write = write
        self._read()
        # Any: botocore creates its clients at run time.
        self._lambda: Any = stack.client("lambda")
        self._replaced: dict[str, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="watch")

    def start(self) -> None:
        self._seen = self._snapshot()
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=1)

    def _read(self) -> None:
        self._project = read_project(self._stack.project / "template.yaml")
        self._resources = self._stack.resources()
        # Versions of the last deployment by function.
        self._deployed: dict[str, str] = {}

    def _run(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            if self._snapshot() == self._seen:
                continue
            before, self._seen = self._seen, self._wait_until_settled()
            paths = before.keys() | self._seen.keys()
            self._apply({it for it in paths if before.get(it) != self._seen.get(it)})

    def _wait_until_settled(self) -> Snapshot:
        while True:
            first = self._snapshot()
            time.sleep(SETTLED_SECONDS)
            if self._snapshot() == first:
                return first

    def _snapshot(self) -> Snapshot:
        found: Snapshot = {}
        for path in [*self._project.parts, *_sources(self._folders())]:
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            found[path] = status.st_mtime_ns, status.st_size
        return found

    def _folders(self) -> set[Path]:
        functions, layers = self._project.functions, self._project.layers
        return {it.folder for it in functions} | {it.folder for it in layers}

    def _apply(self, changed: set[Path]) -> None:
        for part in sorted(self._project.parts & changed):
            # A deployment includes all other edits.
            self._try(part, changed, partial(self._redeploy, part))
            return
        for layer in self._project.layers:
            self._try(layer.folder, changed, partial(self._update_layer, layer))
        for folder in sorted({it.folder for it in self._project.functions}):
            self._try(folder, changed, partial(self._update_functions, folder))

    def _redeploy(self, part: Path) -> list[str]:
        self._write(f"{part.name}: deploying again …")
        try:
            self._stack.redeploy()
            self._read()
        except (LocalStackFailed, YAMLError) as failed:
            raise EditRejected(str(failed)) from failed
        return ["the stack"]

    def _try(self, place: Path, changed: set[Path], update: Callable[[], list[str]]) -> None:
        edited = sorted(it for it in changed if it.is_relative_to(place))
        if not edited:
            return
        name = os.path.relpath(edited[0], self._project.template.parent)
        more = f" and {len(edited) - 1} more" if len(edited) > 1 else ""
        started = time.monotonic()
        try:
            _compile(it for it in edited if it.suffix == ".py" and it.exists())
            updated = update()
        except EditRejected as rejected:
            self._write(f"{name}{more}: {rejected}\nThe previous version stays deployed.")
        except (ClientError, BotoCoreError, OSError) as error:
            self._write(f"{name}{more}: not applied, {error}")
        else:
            seconds = time.monotonic() - started
            self._write(f"{name}{more}: updated {', '.join(updated)} in {seconds:.1f} s")

    def _update_functions(self, folder: Path) -> list[str]:
        functions = [it for it in self._project.functions if it.folder == folder]
        package = _zip(folder)
        for function in functions:
            name = self._resources[function.logical_id]
            self._lambda.update_function_code(FunctionName=name, ZipFile=package)
            self._publish(name)
        return [it.logical_id for it in functions]

    def _update_layer(self, layer: Layer) -> list[str]:
        users = [it for it in self._project.functions if layer.logical_id in it.layers]
        if not users:
            return ["nothing, since no function has this layer"]
        unversioned = self._unversioned(layer)
        with tempfile.TemporaryDirectory() as folder:
            _build(layer, Path(folder), self._stack.environment())
            new = self._lambda.publish_layer_version(
                # The name, since ministack does not accept the ARN.
                LayerName=unversioned.rpartition(":")[2],
                Content={"ZipFile": _zip(Path(folder))},
            )["LayerVersionArn"]
        for function in users:
            physical = self._resources[function.logical_id]
            attached = [it["Arn"] for it in self._configuration(physical).get("Layers", [])]
            arns = [new if it.rpartition(":")[0] == unversioned else it for it in attached]
            self._lambda.update_function_configuration(FunctionName=physical, Layers=arns)
            self._publish(physical)
        return [layer.logical_id, f"{len(users)} functions"]

    def _unversioned(self, layer: Layer) -> str:
        """Return the layer's ARN without a version; SAM adds a digest to its logical id."""
        digested = re.compile(f"{layer.logical_id}([0-9a-f]{{10}})?")
        return next(
            arn.rpartition(":")[0]
            for logical_id, arn in self._resources.items()
            if digested.fullmatch(logical_id)
        )

    # Any: a response of botocore.
    def _configuration(self, name: str) -> Any:
        return self._lambda.get_function_configuration(FunctionName=name)

    def _publish(self, name: str) -> None:
        version = self._lambda.publish_version(FunctionName=name)["Version"]
        for alias in self._lambda.list_aliases(FunctionName=name)["Aliases"]:
            self._lambda.update_alias(
                FunctionName=name, Name=alias["Name"], FunctionVersion=version
            )
            self._delete_older_version(name, alias["FunctionVersion"])

    def _delete_older_version(self, name: str, version: str) -> None:
        """Delete the version before the last, since the last may still serve a request.

        Keep the deployed version, to which a rollback of the stack returns.
        """
        older = self._replaced.get(name)
        self._replaced[name] = version
        deployed = self._deployed.setdefault(name, version)
        if older and older != deployed:
            self._lambda.delete_function(FunctionName=name, Qualifier=older)


def _sources(folders: Iterable[Path]) -> Iterable[Path]:
    for folder in folders:
        for parent, children, names in os.walk(folder):
            children[:] = [it for it in children if it != "__pycache__" and it[0] != "."]
            for name in names:
                if name[0] != "." and not name.endswith((".pyc", "~", ".swp")):
                    yield Path(parent, name)


def _compile(sources: Iterable[Path]) -> None:
    for source in sources:
        try:
            compile(source.read_bytes(), source, "exec", dont_inherit=True)
        except SyntaxError as error:
            shown = (error.text or "").rstrip()
            marker = " " * ((error.offset or 1) - 1) + "^"
            raise EditRejected(f"line {error.lineno}: {error.msg}\n  {shown}\n  {marker}") from None


def _build(layer: Layer, target: Path, environment: dict[str, str]) -> None:
    """Build a layer with its makefile, as ``sam build`` does."""
    done = subprocess.run(
        ["make", f"build-{layer.logical_id}"],
        cwd=layer.folder,
        env=environment | {"ARTIFACTS_DIR": str(target)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise EditRejected(f"building {layer.logical_id} failed\n{done.stdout}{done.stderr}")


def _zip(folder: Path) -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for parent, children, names in os.walk(folder):
            children.sort()
            for name in sorted(names):
                path = Path(parent, name)
                archive.write(path, path.relative_to(folder))
    return content.getvalue()
