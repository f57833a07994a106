"""`make proto`: lint docs/proto, compare it with the last release, and generate Python modules.

`buf` lints and compares. `protoc` of grpcio-tools generates, since it has the compiler's own
plugins for the protobuf runtime that uv.lock pins.
"""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools.deployments import ROOT

PROTO = ROOT / "docs/proto"
RELEASED = PROTO / "shop.released.binpb"
MODULES = ROOT / "layers/shop/shop/rpc/v1"
_BUF = str(Path(sys.executable).with_name("buf"))


class ProtoFailed(Exception):
    """The output of a failed command."""


def lint(folder: Path = PROTO) -> None:
    """Raise `ProtoFailed` with the violations of buf's STANDARD rules."""
    _run(_BUF, "lint", str(folder))


def check_breaking(folder: Path = PROTO, released: Path = RELEASED) -> None:
    """Raise `ProtoFailed` with the changes that break clients of the last release."""
    _run(_BUF, "breaking", str(folder), "--against", str(released))


def descriptor(folder: Path = PROTO) -> bytes:
    """Return the compiled messages without comments, as saved by a release."""
    return _run(_BUF, "build", str(folder), "--exclude-source-info", "--output", "-#format=binpb")


def generated() -> Mapping[Path, str]:
    """Return the text of each generated module."""
    with tempfile.TemporaryDirectory() as folder:
        outputs = (f"--python_out={folder}", f"--pyi_out={folder}")
        command = (sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={PROTO}", *outputs)
        _run(*command, "shop/v1/shop.proto")
        found = sorted(Path(folder, "shop/v1").iterdir())
        return {MODULES / path.name: path.read_text() for path in found}


def _run(*command: str) -> bytes:
    done = subprocess.run(command, capture_output=True)
    if done.returncode:
        raise ProtoFailed((done.stdout + done.stderr).decode())
    return done.stdout


def main() -> None:
    """Check the messages and write the modules; with `--release`, save them as released."""
    try:
        lint()
        if "--release" in sys.argv:
            RELEASED.write_bytes(descriptor())
        check_breaking()
        for path, text in generated().items():
            path.write_text(text)
    except ProtoFailed as failed:
        sys.exit(str(failed))


if __name__ == "__main__":
    main()
