"""`make bench`: measures the product and its peers, and writes docs/performance.md and .svg."""

import argparse
import os
import sys
import time
from collections import defaultdict
from statistics import median

from tests.benchmarks.peers import build, report
from tests.benchmarks.peers.cases import CASES
from tests.benchmarks.peers.measure import Run, runs
from tests.benchmarks.peers.people import environment
from tests.benchmarks.peers.stubbed import stubbed_seconds
from tests.benchmarks.peers.summary import summarise

STUBBED_ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--warm", type=int, default=100, help="requests of each process")
    parser.add_argument("--only", nargs="+", help="cases by name; nothing is written then")
    wanted = parser.parse_args()
    began, (load, _, _) = time.monotonic(), os.getloadavg()
    build.check_versions()
    cases = {
        case: build.build(case) for case in CASES if not wanted.only or case.name in wanted.only
    }
    runtime = build.runtime()
    ran: dict[tuple[str, str], list[Run]] = defaultdict(list)
    stubbed: dict[tuple[str, str], list[float]] = defaultdict(list)
    with environment() as given:
        for run in runs(cases, runtime, given, wanted.rounds, wanted.warm):
            ran[run.case, run.method].append(run)
            tell(
                f"{run.case} {run.method}: cold {run.cold * 1e3:.0f} ms, then"
                f" {median(run.warm) * 1e3:.1f} ms, {run.warm_cpu * 1e3:.2f} of them CPU"
            )
        for name, method, blocks in stubbed_seconds(cases, runtime, given, STUBBED_ROUNDS):
            stubbed[name, method] += blocks
            tell(f"{name} {method}: {min(blocks) * 1e6:.0f} µs without the store")
    found = {key: summarise(ran[key], stubbed[key]) for key in ran}
    if not wanted.only:
        report.write(cases, found, time.monotonic() - began, load)


def tell(news: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {news}", file=sys.stderr)


if __name__ == "__main__":
    main()
