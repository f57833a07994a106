"""Packages as deployed: the product's by its Makefiles, peers' by the same steps."""

import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.benchmarks.peers.cases import APPS, Case
from tests.support.installed_files import remedy, shared_files
from tests.support.sam_template import ROOT
from tools.local_cloud.project import read_project

HOME = ROOT / ".local/peers"
MACHINE = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]

_HERE = Path(__file__).parent
_PLATFORM = f"{platform.machine()}-manylinux_2_28"
_PRUNE = ROOT / "layers/dependencies/prune.py"
_FUNCTIONS = ("functions/users/get_user.py", "functions/orders/place_order.py")
# The part of Chalice that `chalice package` deploys (its deploy/packager.py), without its command.
_OF_CHALICE = {"__init__.py", "app.py"}


@dataclass(frozen=True)
class Size:
    unpacked: int  # bytes
    zipped: int


@dataclass(frozen=True)
class Built:
    task: Path
    layers: tuple[Path, ...]

    def size(self) -> Size:
        return _size(self.task, *self.layers)


def build(case: Case) -> Built:
    if case.is_ours:
        layers = _product_layers("DependenciesLayer", "ShopLayer")
    else:
        layers = (_peer_layer(case.group, case.is_pruned),) if case.group else ()
    task = _fresh(HOME / case.name / "task")
    sources = [ROOT / path for path in _FUNCTIONS] if not case.apps else []
    for app in case.apps:
        sources += (APPS / app).glob("*.py")
    for source in sources:
        shutil.copy(source, task)
    if case.apps and case.is_compiled:
        _compile(task)  # the product's packages are deployed unchanged
    if not case.is_compiled:
        layers = tuple(_without_compiled(layer, HOME / case.name) for layer in layers)
    return Built(task, layers)


def build_functions() -> dict[str, Built]:
    """Build all functions of the product by logical id, in one folder: file names are unique."""
    task = _fresh(HOME / "product/task")
    for source in ROOT.glob("functions/*/*.py"):
        shutil.copy(source, task)
    return {
        function.logical_id: Built(task, _product_layers(*sorted(function.layers)))
        for function in read_project(ROOT / "template.yaml").functions
    }


def size_of_layer(layer: str) -> Size:
    return _size(*_product_layers(layer))


def runtime() -> Path:
    """Build Lambda's own loop, which precedes any function."""
    return _peer_layer("runtime", is_pruned=False)


def check_versions() -> None:
    """Raise `ValueError` if a peer would run on another version than the product."""
    ours = dict(_pins((ROOT / "layers/dependencies/requirements.txt").read_text()))
    theirs = dict(_pins(_requirements("powertools") + _requirements("fastapi")))
    if moved := {name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]}:
        raise ValueError(f"other versions than the product's, so uv lock --upgrade: {moved}")


def _product_layers(*layers: str) -> tuple[Path, ...]:
    return tuple(_product_layer(layer) for layer in layers)


@cache
def _product_layer(layer: str) -> Path:
    artefacts = _fresh(HOME / layer)
    folder = "shop" if layer == "ShopLayer" else "dependencies"
    subprocess.run(
        [
            *("make", "--silent", "-C", str(ROOT / "layers" / folder), f"build-{layer}"),
            *(f"ARTIFACTS_DIR={artefacts}", f"ARCHITECTURE={MACHINE}"),
        ],
        check=True,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    return artefacts / "python"


@cache
def _peer_layer(group: str, is_pruned: bool) -> Path:
    site = _fresh(HOME / f"{group}{'-pruned' * is_pruned}" / "python")
    requirements = site.parent / "requirements.txt"
    requirements.write_text(_requirements(group))
    subprocess.run(
        [
            *("uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes"),
            *("--only-binary", ":all:", "--link-mode", "copy", "--python-version", "3.13"),
            *("--python-platform", _PLATFORM, "--target", str(site), "-r", str(requirements)),
        ],
        check=True,
    )
    if shared := shared_files(site):
        raise ValueError(remedy(shared))
    if is_pruned:
        services = site.parent / "services.txt"
        services.write_text("dynamodb")
        subprocess.run([sys.executable, str(_PRUNE), services, site / "botocore"], check=True)
    if group == "chalice":
        _leave_the_command_out(site)
    shutil.rmtree(site / "bin", ignore_errors=True)
    _compile(site)
    return site


def _leave_the_command_out(site: Path) -> None:
    for path in (site / "chalice").iterdir():
        if path.name not in _OF_CHALICE:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    kept = {name.replace("-", "_") for name, _ in _pins(_requirements("boto3"))}
    # Distributions are identified by their metadata, and their files by RECORD.
    for metadata in site.glob("*.dist-info"):
        name = metadata.name.split("-")[0].lower()
        if name in kept or name == "chalice":
            continue
        for line in (metadata / "RECORD").read_text().splitlines():
            (site / line.split(",")[0]).unlink(missing_ok=True)


def _requirements(group: str) -> str:
    return subprocess.run(
        [
            *("uv", "export", "--project", str(_HERE), "--frozen", "--quiet"),
            *("--only-group", group, "--no-annotate", "--no-header"),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def _pins(requirements: str) -> list[tuple[str, str]]:
    return re.findall(r"^([\w.-]+)(?:\[\S+\])?==(\S+)", requirements, re.MULTILINE)


def _compile(folder: Path) -> None:
    subprocess.run(
        [
            *(sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"),
            str(folder),
        ],
        check=True,
    )


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _without_compiled(layer: Path, home: Path) -> Path:
    copied = home / layer.relative_to(HOME)
    shutil.rmtree(copied, ignore_errors=True)
    shutil.copytree(layer, copied, ignore=shutil.ignore_patterns("__pycache__"))
    return copied


def _size(*folders: Path) -> Size:
    """Return the zipped size of one archive with everything."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    target = HOME / "package.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.relative_to(HOME))
    return Size(sum(path.stat().st_size for path in files), target.stat().st_size)
