"""Rounds in which each case has one turn, in a random order."""

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import replace
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any  # Any: events and responses are JSON

from tests.benchmarks.peers.build import HOME, Built
from tests.benchmarks.peers.cases import GET, NO_OP, TLS, Case
from tests.benchmarks.peers.sandbox import sandbox
from tests.benchmarks.peers.tls import TlsStore
from tests.benchmarks.peers.workload import check, request


@dataclass(frozen=True)
class Turn:
    case: str
    method: str
    built: Built
    handler: str
    request: Callable[[], Mapping[str, Any]]
    check: Callable[[Any], None]  # raises `KeyError` or `ValueError`
    warm: int  # requests; 0 for the cold start only
    environment: Mapping[str, str] = field(default_factory=dict)  # beside that of all cases


@dataclass(frozen=True)
class Run:
    """One process from its start to its last response; times in seconds."""

    case: str
    method: str
    cold: float
    cold_cpu: float
    warm: list[float]
    warm_cpu: float  # of one request
    peak_bytes: int


IDLE = 0.5  # load of an idle machine
WARMING = 10  # requests that count neither as cold nor as warm


def load_once_quiet() -> float:
    """Return the machine's load after earlier work has left the average, or after 3 min."""
    for _ in range(36):
        if os.getloadavg()[0] < IDLE:
            break
        time.sleep(5)
    return os.getloadavg()[0]


def turns_of(case: Case, built: Built, methods: Sequence[str], warm: int) -> Iterator[Turn]:
    for method in methods:
        yield Turn(
            case.name,
            method,
            built,
            case.handlers[method],
            partial(request, method),
            _nothing_to_check if case is NO_OP else partial(check, method),
            0 if case.is_cold_only else warm,
        )


def turn_over_tls(case: Case, built: Built, store: TlsStore) -> Turn:
    (plain,) = turns_of(case, built, (GET,), warm=0)
    return replace(plain, method=TLS, environment=store.environment(case.name, built))


def runs(
    turns: Sequence[Turn],
    runtime: Path,
    environment: Mapping[str, str],
    rounds: int,
    before: Callable[[], None] = lambda: None,
) -> Iterator[Run]:
    """`before` is called before each turn."""
    shuffled = [*turns]
    # The first start of each reads its files into the page cache, and is not measured.
    for number in range(rounds + 1):
        random.shuffle(shuffled)
        for turn in shuffled:
            before()
            run = _run(turn, runtime, environment, turn.warm if number else min(turn.warm, 1))
            if number:
                yield run


def _run(turn: Turn, runtime: Path, environment: Mapping[str, str], warm: int) -> Run:
    log = HOME / f"{turn.case}-{turn.method}.log"
    variables = {**environment, **turn.environment}
    with sandbox(turn.built, runtime, turn.handler, variables, log) as begun:
        response, cold = begun.invoke(turn.request())
        try:
            turn.check(response)
        except (KeyError, ValueError) as error:
            raise RuntimeError(f"{turn.case} {turn.method}: {error}\n{log.read_text()}") from None
        cold_cpu = begun.cpu_seconds()
        took: list[float] = []
        if not warm:
            return Run(turn.case, turn.method, cold, cold_cpu, took, 0, begun.peak_bytes())
        for _ in range(WARMING):
            begun.invoke(turn.request())
        before = begun.cpu_seconds()
        for _ in range(warm):
            response, seconds = begun.invoke(turn.request())
            turn.check(response)
            took.append(seconds)
        time.sleep(0.01)  # until the loop requests the next event
        spent = (begun.cpu_seconds() - before) / warm
        return Run(turn.case, turn.method, cold, cold_cpu, took, spent, begun.peak_bytes())


def _nothing_to_check(_: object) -> None:
    """Accept any response."""
