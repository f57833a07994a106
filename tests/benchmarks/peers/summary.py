"""Medians of runs, and their spread."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median, quantiles

from tests.benchmarks.peers.measure import Run


@dataclass(frozen=True)
class Spread:
    least: float
    lower: float  # quartile
    middle: float  # median
    upper: float  # quartile


@dataclass(frozen=True)
class Cold:
    """First responses of new processes; times in seconds."""

    processes: int
    cold: Spread
    cold_cpu: Spread


@dataclass(frozen=True)
class Summary(Cold):
    """Results of a case and method; times in seconds."""

    requests: int
    warm: Spread  # over processes, of the median of each
    warm_99: float  # 99 of a hundred requests are faster
    warm_cpu: Spread
    stubbed: Spread
    peak_bytes: float


def summarise(runs: Sequence[Run], stubbed: Sequence[float]) -> Summary:
    warm = [seconds for run in runs for seconds in run.warm]
    begun = summarise_cold(runs)
    return Summary(
        begun.processes,
        begun.cold,
        begun.cold_cpu,
        requests=len(warm),
        warm=spread([median(run.warm) for run in runs]),
        warm_99=sorted(warm)[ceil(0.99 * len(warm)) - 1],
        warm_cpu=spread([run.warm_cpu for run in runs]),
        stubbed=spread(stubbed),
        peak_bytes=median([run.peak_bytes for run in runs]),
    )


def summarise_cold(runs: Sequence[Run]) -> Cold:
    return Cold(len(runs), spread([it.cold for it in runs]), spread([it.cold_cpu for it in runs]))


def spread(values: Sequence[float]) -> Spread:
    if len(values) == 1:
        return Spread(*[values[0]] * 4)
    lower, middle, upper = quantiles(values, n=4, method="inclusive")
    return Spread(min(values), lower, middle, upper)
