"""`make fuzz`: generated requests for a given duration, with printed seeds."""

import json
import secrets
import sys
import time
from argparse import ArgumentParser
from pathlib import Path

from tests.conformance.running import run
from tests.support.sam_template import ROOT
from tools.local_cloud.seed import seed_admin
from tools.local_cloud.stack import Admin, LocalStack

# Access tokens expire after 15 minutes, so each round signs up new users.
MAX_ROUND = 300  # seconds
RUNNING = ROOT / ".local/stack.json"


def main() -> None:
    parser = ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--duration", type=int, default=600, help="seconds")
    parser.add_argument("--seed", type=int, help="of the first round; a random one if not said")
    options = parser.parse_args()
    if RUNNING.exists():
        sys.exit(_rounds(*_running(RUNNING), options.duration, options.seed))
    print("Nothing runs: starting a stack.", flush=True)
    with LocalStack(ROOT / ".local/fuzz", seed=seed_admin) as stack:
        assert stack.info.admin is not None
        found = _rounds(stack.url, stack.info.admin, options.duration, options.seed)
    sys.exit(found)


def _running(info: Path) -> tuple[str, Admin]:
    stack = json.loads(info.read_text())
    return stack["url"], Admin(**stack["admin"])


def _rounds(url: str, admin: Admin, duration: int, seed: int | None) -> int:
    """Run rounds until the duration is over; return 1 if any found a failure."""
    ends_at, found, number = time.monotonic() + duration, False, 0
    while (left := int(ends_at - time.monotonic())) > 0:
        sender = ("admin", "ada")[number % 2]
        seed = secrets.randbelow(2**32) if seed is None or number else seed
        print(f"\nRound {number + 1}: as {sender}, seed {seed}", flush=True)
        limit = min(left, MAX_ROUND)
        # Not `schemathesis fuzz`: it ends early, since its checks change the collection that it
        # iterates.
        done = run(
            *(url, admin, sender, "run", "--phases", "fuzzing,stateful"),
            *("--max-time", str(limit), "--seed", str(seed)),
        )
        found = found or done.returncode != 0
        number += 1
    return int(found)


if __name__ == "__main__":
    main()
