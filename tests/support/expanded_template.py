"""The template as AWS expands it on deployment, in SAM's environment."""

import json
import subprocess
from typing import Any

from tests.support.sam_template import ROOT


def translated(**uploads: str) -> dict[str, dict[str, Any]]:
    """The resources of the expanded template."""
    command = [".venv-sam/bin/python", "tests/support/expand_template.py"]
    done = subprocess.run(
        command + [f"{name}={key}" for name, key in uploads.items()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)["Resources"]
    return found


def of_type(found: dict[str, dict[str, Any]], type_: str) -> dict[str, dict[str, Any]]:
    return {name: r.get("Properties", {}) for name, r in found.items() if r["Type"] == type_}
