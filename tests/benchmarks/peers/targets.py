"""The product's targets, as ratios of medians of one run, with their results."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.benchmarks.peers.results import Results
from tests.benchmarks.peers.summary import Cold

DIGITS = {"×": 2, "µs": 0, "MB": 1}


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
        ("boto3", "boto3 + json", 1.2),
        ("powertools-full", "Powertools + Logger, Tracer, Metrics", 0.75),
        ("fastapi", "FastAPI + Mangum", 0.6),
    ):
        yield _ratio(f"cold start of GET / {title}", most, ours.GET, results.cases[name].GET)
    all_of_them = results.endpoints.of_functions
    slowest = max(all_of_them, key=lambda name: all_of_them[name].start.cold.middle)
    found, bare = all_of_them[slowest], results.endpoints.bare
    hashing = results.endpoints.hash_seconds * found.is_hashing
    hashed = (found.start.cold.middle + hashing) / bare.cold.middle
    yield _ratio(
        f"cold start of the slowest endpoint ({slowest}) / boto3 + json",
        1.6,
        found.start,
        bare,
        f"; {hashed:.2f} with bcrypt" if hashing else "",
    )
    edge = results.cases["edge"]
    for method, its, own, most in (
        ("GET", edge.GET, ours.GET, 60),
        ("POST", edge.POST, ours.POST, 120),
    ):
        yield Target(
            f"CPU of a {method} outside the store's calls, with the peers' work",
            most,
            its.stubbed.middle * 1e6,
            "µs",
            beside=f"{own.stubbed.middle * 1e6:.0f} µs with the product's own work",
        )
    for form, most, size, more in (
        ("unpacked", 30, results.dependencies.unpacked, results.signing.unpacked),
        ("zipped", 9, results.dependencies.zipped, results.signing.zipped),
    ):
        beside = f"{more / 1e6:.1f} MB more for signing and verification"
        yield Target(f"layer of dependencies, {form}", most, size / 1e6, "MB", beside=beside)


def _ratio(name: str, most: float, ours: Cold, theirs: Cold, more: str = "") -> Target:
    by_cpu = ours.cold_cpu.middle / theirs.cold_cpu.middle
    measured = ours.cold.middle / theirs.cold.middle
    return Target(name, most, measured, beside=f"{by_cpu:.2f} by CPU{more}")
