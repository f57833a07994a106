"""`make bench-check`: whether cold starts are still what docs/performance.json says of them."""

import sys
from collections.abc import Mapping

from tests.benchmarks.peers.results import Results

# CPU and no time, in lower quartiles: other machines are slower, and busy, for all alike.
OURS, PEERS = "shop", ("boto3", "powertools-full", "fastapi")
ROUNDS = 7
SLACK = 1.5


def recorded(results: Results) -> dict[str, float]:
    """CPU seconds of a GET's cold start, by case."""
    return {name: results.cases[name].GET.cold_cpu.lower for name in (OURS, *PEERS)}


def judge(before: Mapping[str, float], now: Mapping[str, float]) -> None:
    """Raises `SystemExit` where ours has got slower beside any peer's."""
    slower = []
    for peer in PEERS:
        was, is_now = before[OURS] / before[peer], now[OURS] / now[peer]
        most = SLACK * was
        told = f"{is_now:.2f} times that of {peer}, recorded {was:.2f}, at most {most:.2f}"
        print(f"bench-check: CPU of a cold GET is {told}")
        if is_now > most:
            slower.append(peer)
    if slower:
        sys.exit(f"bench-check: too slow beside {', '.join(slower)}; make bench tells more")
