"""The CPU cost of a request without the store, with replayed calls."""

import json
import random
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.benchmarks.peers.build import HOME, Built
from tests.benchmarks.peers.cases import APPS, GET, POST, Case
from tests.benchmarks.peers.sandbox import PYTHON, variables
from tests.benchmarks.peers.workload import request

# The emulator provides no trace, which equals an unsampled request.
_TRACE = "Root=1-674a1b2c-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0"


def stubbed_seconds(
    cases: Mapping[Case, Built], runtime: Path, environment: Mapping[str, str], rounds: int
) -> Iterator[tuple[str, str, list[float]]]:
    """Return case, method, and seconds of a request in each block, over all threads."""
    turns = [(case, method) for case in cases for method in (GET, POST)]
    for _ in range(rounds):
        random.shuffle(turns)
        for case, method in turns:
            event, output = HOME / "event.json", HOME / "stubbed.json"
            event.write_text(json.dumps(request(method)))
            given = variables(cases[case], runtime)
            given["PYTHONPATH"] = f"{cases[case].task}:{given['PYTHONPATH']}"
            done = subprocess.run(
                [PYTHON, APPS / "stubbed.py", case.handlers[method], event, output],
                env={**given, **environment, "_X_AMZN_TRACE_ID": _TRACE},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            if done.returncode:
                raise RuntimeError(f"{case.name} {method}: {done.stderr}")
            yield case.name, method, [block / 1e9 for block in json.loads(output.read_text())]
