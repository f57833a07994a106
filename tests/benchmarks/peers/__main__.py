"""`make bench`: measures the product and its peers, and writes docs/performance.md and .svg."""

import argparse
import sys
import time

from tests.benchmarks.peers import build
from tests.benchmarks.peers.cases import CASES
from tests.benchmarks.peers.measure import runs
from tests.benchmarks.peers.people import environment


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--warm", type=int, default=100, help="requests of each process")
    parser.add_argument("--only", nargs="*", help="cases by name; nothing is written then")
    wanted = parser.parse_args()
    build.check_versions()
    cases = {
        case: build.build(case) for case in CASES if not wanted.only or case.name in wanted.only
    }
    runtime = build.runtime()
    tell("built")
    with environment() as given:
        for run in runs(cases, runtime, given, wanted.rounds, wanted.warm):
            warm = sorted(run.warm)[len(run.warm) // 2]
            tell(
                f"{run.case:16} {run.method:4} cold {run.cold * 1e3:5.0f} ms"
                f" ({run.cold_cpu * 1e3:5.0f} of CPU), warm {warm * 1e3:5.1f} ms"
                f" ({run.warm_cpu * 1e3:5.2f} of CPU), {run.peak_bytes / 1e6:4.0f} MB"
            )


def tell(news: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {news}", file=sys.stderr)


if __name__ == "__main__":
    main()
