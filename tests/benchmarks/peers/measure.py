"""Rounds in which every case has its turn, in another order each time."""

import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.peers.build import HOME, Built
from tests.benchmarks.peers.cases import GET, POST, Case
from tests.benchmarks.peers.people import check, request
from tests.benchmarks.peers.sandbox import sandbox


@dataclass(frozen=True)
class Run:
    """One process from its start to its last answer; times in seconds."""

    case: str
    method: str
    cold: float
    cold_cpu: float
    warm: list[float]
    warm_cpu: float  # of one request
    peak_bytes: int


WARMING = 10  # requests that count neither as cold nor as warm


def runs(
    cases: Mapping[Case, Built],
    runtime: Path,
    environment: Mapping[str, str],
    rounds: int,
    warm: int,
) -> Iterator[Run]:
    turns = [(case, method) for case in cases for method in (GET, POST)]
    # The first start of each reads its files into the page cache, and is no measurement.
    for number in range(rounds + 1):
        random.shuffle(turns)
        for case, method in turns:
            run = _run(case, cases[case], runtime, method, environment, warm if number else 1)
            if number:
                yield run


def _run(
    case: Case,
    built: Built,
    runtime: Path,
    method: str,
    environment: Mapping[str, str],
    warm: int,
) -> Run:
    log = HOME / f"{case.name}-{method}.log"
    with sandbox(built, runtime, case.handlers[method], environment, log) as begun:
        answer, cold = begun.invoke(request(method))
        try:
            check(method, answer)
        except (KeyError, ValueError) as error:
            raise RuntimeError(f"{case.name} {method}: {error}\n{log.read_text()}") from None
        cold_cpu = begun.cpu_seconds()
        for _ in range(WARMING):
            begun.invoke(request(method))
        before = begun.cpu_seconds()
        took = []
        for _ in range(warm):
            answer, seconds = begun.invoke(request(method))
            check(method, answer)
            took.append(seconds)
        time.sleep(0.01)  # until the loop asks for the next event again
        spent = (begun.cpu_seconds() - before) / warm
        return Run(case.name, method, cold, cold_cpu, took, spent, begun.peak_bytes())
