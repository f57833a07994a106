"""`make bench-check`: whether cold starts are still what docs/performance.json says of them."""

from collections.abc import Iterator, Mapping

from tests.benchmarks.peers.results import Results

# CPU and no time, in lower quartiles: other machines are slower, and busy, for all alike.
OURS, PEERS = "shop", ("boto3", "powertools-full", "fastapi")
ROUNDS = 7
SLACK = 1.5


def recorded(results: Results) -> dict[str, float]:
    """CPU seconds of a GET's cold start, by case."""
    return {name: results.cases[name].GET.cold_cpu.lower for name in (OURS, *PEERS)}


def compared(before: Mapping[str, float], now: Mapping[str, float]) -> Iterator[tuple[str, bool]]:
    """What is to be told of each peer, and whether it may be."""
    for peer in PEERS:
        was, is_now = before[OURS] / before[peer], now[OURS] / now[peer]
        most = SLACK * was
        yield f"{is_now:.2f} of {peer}, recorded {was:.2f}, at most {most:.2f}", is_now <= most
