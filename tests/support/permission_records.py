"""What the functions of a deployed stack asked IAM for, kept for the step that compares."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from tests.support.sam_template import ROOT
from tools.local_cloud.stack import LocalStack

# The folder that `make test` names; without it nothing is kept.
FOLDER = "PERMISSION_RECORDS"
# The files of end-to-end tests that this process ran.
ran: set[str] = set()


@dataclass(frozen=True)
class Asked:
    role: str
    action: str
    resource: str
    allowed: bool


@dataclass(frozen=True)
class Record:
    """Of one stack: several may run side by side."""

    tests: list[str]
    resources: dict[str, str]  # physical ids by logical id
    asked: list[Asked]


def keep(stack: LocalStack) -> None:
    """Write down what this stack's roles asked for, under a name of its own."""
    if FOLDER not in os.environ:
        return
    lines = stack.emulator.permission_log.read_text().splitlines()
    asked = [Asked(**json.loads(line)) for line in lines]
    folder = ROOT / os.environ[FOLDER]
    folder.mkdir(parents=True, exist_ok=True)
    record = Record(sorted(ran), stack.resources(), asked)
    (folder / f"{uuid4().hex}.json").write_text(json.dumps(asdict(record)))


def kept(folder: Path) -> list[Record]:
    """What every stack of a run left."""
    found = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    return [Record(**it | {"asked": [Asked(**asked) for asked in it["asked"]]}) for it in found]
