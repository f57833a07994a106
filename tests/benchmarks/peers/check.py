"""`make bench-check`: compare cold starts with docs/performance.json."""

import sys
from collections.abc import Mapping

from tests.benchmarks.peers.results import Results

# CPU instead of wall time, in lower quartiles: slow or busy machines affect all cases alike.
OURS, PEERS = "shop", ("boto3", "powertools-full", "fastapi")
ROUNDS = 7
SLACK = 1.5


def recorded(results: Results) -> dict[str, float]:
    """Return the CPU seconds of a GET's cold start, by case."""
    return {name: results.cases[name].GET.cold_cpu.lower for name in (OURS, *PEERS)}


def judge(before: Mapping[str, float], now: Mapping[str, float]) -> None:
    """Raise `SystemExit` if ours has become slower relative to every peer."""
    slower = []
    for peer in PEERS:
        was, is_now = before[OURS] / before[peer], now[OURS] / now[peer]
        most = SLACK * was
        comparison = f"{is_now:.2f} times that of {peer}, recorded {was:.2f}, at most {most:.2f}"
        print(f"bench-check: CPU of a cold GET is {comparison}")
        if is_now > most:
            slower.append(peer)
    if slower:
        sys.exit(f"bench-check: too slow beside {', '.join(slower)}; make bench tells more")
