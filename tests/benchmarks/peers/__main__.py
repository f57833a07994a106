"""`make bench`: measures the product and its peers, and writes docs/performance.md and .svg."""

import argparse
import os
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from tests.benchmarks.peers import build, check, endpoints, report, results
from tests.benchmarks.peers.cases import CASES, CASES_OVER_TLS, GET, POST, TLS, Case
from tests.benchmarks.peers.measure import Run, load_once_quiet, runs, turn_over_tls, turns_of
from tests.benchmarks.peers.stubbed import stubbed_seconds
from tests.benchmarks.peers.summary import spread, summarise, summarise_cold
from tests.benchmarks.peers.tls import tls_store
from tests.benchmarks.peers.workload import environment
from tests.support.aws_mock import DYNAMODB_URL

STUBBED_ROUNDS = 3

type Ran = dict[tuple[str, str], list[Run]]  # by case and method


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--warm", type=int, default=100, help="requests of each process")
    parser.add_argument("--only", nargs="+", help="cases by name; nothing is written then")
    parser.add_argument("--check", action="store_true", help="compare with docs/performance.json")
    parser.add_argument("--render", action="store_true", help="write the page again, from the same")
    options = parser.parse_args()
    if options.render:
        report.write(results.read())
    elif options.check:
        check_ratios()
    elif options.only:
        _measure_cases(_built(options.only), build.runtime(), options.rounds, options.warm)
    else:
        measured = measure(options.rounds, options.warm)
        results.keep(measured)
        report.write(measured)


def measure(rounds: int, warm: int) -> results.Results:
    build.check_versions()
    cases = _built([case.name for case in CASES])
    runtime = build.runtime()
    load = load_once_quiet()
    began = time.monotonic()
    ran, stubbed = _measure_cases(cases, runtime, rounds, warm)
    of_functions = endpoints.measure(cases[endpoints.BARE], runtime, rounds, _report_run)
    return results.Results(
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=time.monotonic() - began,
        machine=_machine(),
        load=load,
        cases={
            case.name: results.Found(
                built.size(),
                *(
                    summarise(ran[case.name, method], stubbed[case.name, method])
                    for method in (GET, POST)
                ),
            )
            for case, built in cases.items()
            if not case.is_cold_only
        },
        over_tls={name: summarise_cold(ran[name, TLS]) for name in CASES_OVER_TLS},
        cold_only={
            case.name: summarise_cold(ran[case.name, GET]) for case in cases if case.is_cold_only
        },
        dependencies=build.size_of_layer("DependenciesLayer"),
        signing=build.size_of_layer("SigningLayer"),
        endpoints=of_functions,
    )


def check_ratios() -> None:
    before = check.recorded(results.read())
    ran: dict[str, list[float]] = defaultdict(list)
    cases = _built(before)
    turns = [turn for case in cases for turn in turns_of(case, cases[case], (GET,), warm=0)]
    with environment() as given:
        for run in runs(turns, build.runtime(), given, check.ROUNDS):
            ran[run.case].append(run.cold_cpu)
    check.judge(before, {name: spread(ran[name]).lower for name in before})


def _measure_cases(
    cases: Mapping[Case, build.Built], runtime: Path, rounds: int, warm: int
) -> tuple[Ran, dict[tuple[str, str], list[float]]]:
    ran: Ran = defaultdict(list)
    stubbed: dict[tuple[str, str], list[float]] = defaultdict(list)
    turns = [turn for case in cases for turn in turns_of(case, cases[case], [*case.handlers], warm)]
    with environment() as given, tls_store(given[DYNAMODB_URL]) as store:
        over_tls = [
            turn_over_tls(case, built, store)
            for case, built in cases.items()
            if case.name in CASES_OVER_TLS
        ]
        for run in runs(turns + over_tls, runtime, given, rounds):
            ran[run.case, run.method].append(run)
            _report_run(run)
        whole = {case: built for case, built in cases.items() if not case.is_cold_only}
        for name, method, blocks in stubbed_seconds(whole, runtime, given, STUBBED_ROUNDS):
            stubbed[name, method] += blocks
            _report_progress(f"{name} {method}: {min(blocks) * 1e6:.0f} µs without the store")
    return ran, stubbed


def _machine() -> str:
    python = platform.python_version()
    return f"{os.cpu_count()} cores of {platform.machine()}, Python {python}"


def _built(names: Collection[str]) -> dict[Case, build.Built]:
    return {case: build.build(case) for case in CASES if case.name in names}


def _report_run(run: Run) -> None:
    line = f"{run.case} {run.method}: cold {run.cold * 1e3:.0f} ms"
    if run.warm:
        line += f", then {median(run.warm) * 1e3:.1f} ms, {run.warm_cpu * 1e3:.2f} of them CPU"
    _report_progress(line)


def _report_progress(news: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {news}", file=sys.stderr)


if __name__ == "__main__":
    main()
