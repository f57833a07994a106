"""Permissions that the functions of a deployed stack requested, for the least-privilege check."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from tests.support.sam_template import ROOT
from tools.local_cloud.stack import LocalStack

# The folder named by `make test`; without it nothing is recorded.
FOLDER = "PERMISSION_RECORDS"
# The end-to-end test files that this process ran.
ran: set[str] = set()


@dataclass(frozen=True)
class Asked:
    role: str
    action: str
    resource: str
    allowed: bool


@dataclass(frozen=True)
class Record:
    """The record of one stack; several stacks can run in parallel."""

    tests: list[str]
    resources: dict[str, str]  # physical ids by logical id
    asked: list[Asked]


def keep(stack: LocalStack) -> None:
    """Write the permissions that this stack's roles requested to a unique file."""
    if FOLDER not in os.environ:
        return
    lines = stack.emulator.permission_log.read_text().splitlines()
    asked = [Asked(**json.loads(line)) for line in lines]
    folder = ROOT / os.environ[FOLDER]
    folder.mkdir(parents=True, exist_ok=True)
    record = Record(sorted(ran), stack.resources(), asked)
    (folder / f"{uuid4().hex}.json").write_text(json.dumps(asdict(record)))


def kept(folder: Path) -> list[Record]:
    """Return the records of all stacks of a run."""
    found = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    return [Record(**it | {"asked": [Asked(**asked) for asked in it["asked"]]}) for it in found]
