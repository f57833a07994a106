"""`make bench-costs`: measure requests, and write the cost per million of each."""

import argparse
import sys
import time

from tests.benchmarks.costs import report
from tests.benchmarks.costs.deployed import deployed
from tests.benchmarks.costs.measure import measure
from tests.benchmarks.peers.measure import load_once_quiet


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-costs", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="processes of each route")
    parser.add_argument("--warm", type=int, default=20, help="requests of each process")
    parser.add_argument(
        "--again", action="store_true", help="write the page from the last run's numbers"
    )
    options = parser.parse_args()
    if options.again:
        report.PAGE.write_text(report.page())
        return
    load = load_once_quiet()
    found = {}
    with deployed() as shop:
        for route, measured in measure(shop, options.rounds, options.warm):
            found[route] = measured
            use = measured.use
            report_progress(
                f"{route}: {use.cpu * 1e3:.2f} ms CPU, {use.round_trips} round trips,"
                f" {use.reads} + {use.writes} units"
            )
    report.write(found, load)


def report_progress(news: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {news}", file=sys.stderr)


if __name__ == "__main__":
    main()
