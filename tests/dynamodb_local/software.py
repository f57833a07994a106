"""The download of DynamoDB Local: an npm package, pinned and cached in .local/."""

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from tests.support.sam_template import ROOT

PACKAGE = "amplify-dynamodb-simulator"
VERSION = "2.9.30"  # contains DynamoDB Local 1.25.1
SHA256 = "3503ffac19f183407909fecdacf4db51ab1fdad1da7b2f177016670b2d80e4b9"

_KEPT = ROOT / ".local/dynamodb-local"


class NotHere(Exception):
    """A requirement of DynamoDB Local is missing; the message names it."""


def software() -> Path:
    """Return the folder of DynamoDBLocal.jar; the first use downloads 57 MB."""
    # A JDK, since the launcher runs from its source.
    if not _runs("javac", "-version"):
        raise NotHere("no Java")
    unpacked = _KEPT / f"{PACKAGE}-{VERSION}"
    if not unpacked.exists():
        _download(unpacked)
    return unpacked / "package/emulator"


def _download(unpacked: Path) -> None:
    if shutil.which("npm") is None:
        raise NotHere("no npm")
    _KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_KEPT) as folder:
        package = f"{PACKAGE}@{VERSION}"
        if not _runs("npm", "pack", "--silent", "--pack-destination", folder, package):
            raise NotHere(f"no download of {package}")
        archive = Path(folder) / f"{PACKAGE}-{VERSION}.tgz"
        if hashlib.sha256(archive.read_bytes()).hexdigest() != SHA256:
            raise ValueError(f"{archive.name} is not the one that was pinned")
        fresh = Path(folder) / "unpacked"
        with tarfile.open(archive) as packed:
            packed.extractall(fresh, filter="data")
        try:
            os.rename(fresh, unpacked)
        except OSError:
            if not unpacked.exists():  # another run was first
                raise


def _runs(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=120).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
