"""What the product is to reach, as ratios of medians of one run, and whether it does."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.benchmarks.peers.results import Results
from tests.benchmarks.peers.summary import Cold

DIGITS = {"×": 2, "µs": 0, "MB": 1}


@dataclass(frozen=True)
class Target:
    what: str
    most: float
    measured: float
    unit: str = "×"
    by_cpu: float | None = None  # the same, of CPU instead of time
    beside: str = ""

    @property
    def is_met(self) -> bool:
        """By the number as it is told."""
        return round(self.measured, DIGITS[self.unit]) <= self.most


def targets(results: Results) -> Iterator[Target]:
    ours = results.cases["shop"]
    for name, title, most in (
        ("boto3", "boto3 + json", 1.2),
        ("powertools-full", "Powertools with its three", 0.75),
        ("fastapi", "FastAPI + Mangum", 0.6),
    ):
        yield _ratio(f"cold start of GET / {title}", most, ours.GET, results.cases[name].GET)
    all_of_them = results.endpoints.of_functions
    slowest = max(all_of_them, key=lambda name: all_of_them[name].start.cold.middle)
    yield _ratio(
        f"cold start of the slowest endpoint ({slowest}) / boto3 + json",
        1.6,
        all_of_them[slowest].start,
        results.endpoints.bare,
    )
    edge = results.cases["edge"]
    for method, its, own, most in (
        ("GET", edge.GET, ours.GET, 60),
        ("POST", edge.POST, ours.POST, 120),
    ):
        yield Target(
            f"CPU of a {method} in all but the store, with the peers' work",
            most,
            its.stubbed.middle * 1e6,
            "µs",
            beside=f"{own.stubbed.middle * 1e6:.0f} µs with the product's own work",
        )
    for how, most, size, more in (
        ("unpacked", 30, results.dependencies.unpacked, results.signing.unpacked),
        ("zipped", 9, results.dependencies.zipped, results.signing.zipped),
    ):
        beside = f"{more / 1e6:.1f} MB more for what signs or verifies"
        yield Target(f"layer of dependencies, {how}", most, size / 1e6, "MB", beside=beside)


def _ratio(what: str, most: float, ours: Cold, theirs: Cold) -> Target:
    return Target(
        what,
        most,
        ours.cold.middle / theirs.cold.middle,
        by_cpu=ours.cold_cpu.middle / theirs.cold_cpu.middle,
    )
