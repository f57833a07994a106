"""The product's targets, as ratios of CPU of one run, with their results."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.benchmarks.peers.results import Results
from tests.benchmarks.peers.summary import Cold, Spread, Summary

DIGITS = {"×": 2, "MB": 1}


@dataclass(frozen=True)
class Target:
    name: str
    most: float
    measured: float
    unit: str = "×"
    beside: str = ""

    @property
    def is_met(self) -> bool:
        """Return whether the displayed number meets the target."""
        return round(self.measured, DIGITS[self.unit]) <= self.most


def targets(results: Results) -> Iterator[Target]:
    ours = results.cases["shop"]
    for name, title, most in (
        ("boto3", "boto3 + json", 0.82),
        ("powertools-full", "Powertools + Logger, Tracer, Metrics", 0.55),
        ("fastapi", "FastAPI + Mangum", 0.43),
    ):
        yield _ratio(f"cold start of GET / {title}", most, ours.GET, results.cases[name].GET)
    bare = results.cases["boto3"]
    yield _ratio("cold start of an order / boto3 + json", 1.1, ours.POST, bare.POST)
    all_of_them = results.endpoints.of_functions
    slowest = max(all_of_them, key=lambda name: all_of_them[name].start.cold.middle)
    found, beside_them = all_of_them[slowest], results.endpoints.bare
    hashing = results.endpoints.hash_seconds * found.is_hashing
    hashed = (found.start.cold.middle + hashing) / beside_them.cold.middle
    yield _ratio(
        f"cold start of the slowest endpoint ({slowest}) / boto3 + json",
        1.38,
        found.start,
        beside_them,
        f"; {hashed:.2f} with bcrypt" if hashing else "",
    )
    yield _warm("a GET", 1.15, ours.GET, bare.GET)
    yield _warm("an order", 2.85, ours.POST, bare.POST)
    edge, framework = results.cases["edge"], results.cases["powertools-full"]
    for method, its, own, theirs, most in (
        ("GET", edge.GET, ours.GET, framework.GET, 0.31),
        ("POST", edge.POST, ours.POST, framework.POST, 0.44),
    ):
        yield Target(
            f"CPU of a {method} outside the store's calls / Powertools + Logger, Tracer, Metrics",
            most,
            its.stubbed.middle / theirs.stubbed.middle,
            beside=f"{its.stubbed.middle * 1e6:.0f} µs; {own.stubbed.middle * 1e6:.0f} µs with the"
            " product's own work",
        )
    for form, most, size, more in (
        ("unpacked", 30, results.dependencies.unpacked, results.signing.unpacked),
        ("zipped", 9, results.dependencies.zipped, results.signing.zipped),
    ):
        beside = f"{more / 1e6:.1f} MB more for signing and verification"
        yield Target(f"layer of dependencies, {form}", most, size / 1e6, "MB", beside=beside)


def _ratio(name: str, most: float, ours: Cold, theirs: Cold, more: str = "") -> Target:
    by_time = ours.cold.middle / theirs.cold.middle
    measured = _worse(ours.cold_cpu, theirs.cold_cpu)
    return Target(name, most, measured, beside=f"{by_time:.2f} by time{more}")


def _warm(request: str, most: float, ours: Summary, theirs: Summary) -> Target:
    by_time = ours.warm.middle / theirs.warm.middle
    measured = _worse(ours.warm_cpu, theirs.warm_cpu)
    name = f"CPU of {request}, warm / boto3 + json"
    return Target(name, most, measured, beside=f"{by_time:.2f} by time")


def _worse(ours: Spread, theirs: Spread) -> float:
    """Return the greater ratio of the two by CPU: of lower quartiles, and of medians."""
    return max(ours.lower / theirs.lower, ours.middle / theirs.middle)
