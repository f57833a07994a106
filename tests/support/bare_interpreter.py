"""A bare interpreter: it imports from the built folders only, without the tests' packages."""

import subprocess
import sys
from pathlib import Path

LAYERS = ["DependenciesLayer/python", "ShopLayer/python"]


def run_bare(build: Path, folders: list[str], code: str, given: str = "") -> str:
    """Run `code` with the standard library and these folders; return its standard output."""
    paths = [str(build / folder) for folder in folders]
    python = str(Path(sys.base_prefix, "bin/python3.13"))
    done = subprocess.run(
        [python, "-I", "-S", "-c", f"import sys; sys.path += {paths}\n{code}"],
        input=given,
        capture_output=True,
        text=True,
        env={"AWS_DEFAULT_REGION": "us-east-1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
