"""docs/performance.md, the part of it that is measured, with the numbers and the plot beside it."""

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from tests.benchmarks.peers.build import Built
from tests.benchmarks.peers.cases import GET, POST, Case
from tests.benchmarks.peers.plot import Bar, svg
from tests.benchmarks.peers.summary import Spread, Summary
from tests.template import ROOT

PAGE, PLOT = ROOT / "docs/performance.md", ROOT / "docs/performance.svg"
NUMBERS = ROOT / "docs/performance.json"
_BEGIN, _END = "<!-- measured: make bench -->", "<!-- end of what is measured -->"

type Found = Mapping[tuple[str, str], Summary]  # by case and method


def write(cases: Mapping[Case, Built], found: Found, seconds: float, load: float) -> None:
    NUMBERS.write_text(json.dumps(_numbers(cases, found, load), indent=1) + "\n")
    bars = [Bar(case.title.strip("*"), _of(found, case, GET).cold, case.is_ours) for case in cases]
    PLOT.write_text(svg(bars))
    before, _, rest = PAGE.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    measured = "\n\n".join(_measured(cases, found, seconds, load))
    PAGE.write_text(f"{before}{_BEGIN}\n\n{measured}\n\n{_END}{after}")


def _numbers(cases: Mapping[Case, Built], found: Found, load: float) -> dict[str, object]:
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": _machine(),
        "load_before": load,
        "cases": {
            case.name: {
                "bytes_zipped": built.bytes_zipped,
                "bytes_unpacked": built.bytes_unpacked,
                **{method: asdict(_of(found, case, method)) for method in (GET, POST)},
            }
            for case, built in cases.items()
        },
    }


def _measured(
    cases: Mapping[Case, Built], found: Found, seconds: float, load: float
) -> Iterable[str]:
    one = next(iter(found.values()))
    yield (
        f"Measured on {datetime.now(UTC).date()} in {seconds / 60:.0f} minutes, on {_machine()},"
        f" which others kept busy with a load of {load:.1f} as it began:"
        f" {one.processes} processes of each row and method, {one.requests} warm requests."
        " Milliseconds are medians, with the quartiles in brackets."
    )
    for method, what in ((GET, "GET of one item"), (POST, "POST of an order of three lines")):
        yield f"{what}:"
        yield _table(
            ["", "cold start", "its CPU", "warm", "99 of 100", "CPU a request", "peak memory"],
            [
                [
                    case.title,
                    _milliseconds(it.cold, 0),
                    f"{it.cold_cpu.middle * 1e3:.0f}",
                    _milliseconds(it.warm, 1),
                    f"{it.warm_99 * 1e3:.1f}",
                    _milliseconds(it.warm_cpu, 2),
                    f"{it.peak_bytes / 1e6:.0f} MB",
                ]
                for case in cases
                for it in [_of(found, case, method)]
            ],
        )
    yield "All but the store's calls, in µs of CPU a request, and the size of what is deployed:"
    yield _table(
        ["", "GET", "POST", "zipped", "unpacked"],
        [
            [
                case.title,
                *(_microseconds(_of(found, case, method).stubbed) for method in (GET, POST)),
                f"{built.bytes_zipped / 1e6:.2f} MB",
                f"{built.bytes_unpacked / 1e6:.1f} MB",
            ]
            for case, built in cases.items()
        ],
    )


def _of(found: Found, case: Case, method: str) -> Summary:
    return found[case.name, method]


def _milliseconds(it: Spread, digits: int) -> str:
    low, middle, high = (f"{value * 1e3:.{digits}f}" for value in (it.lower, it.middle, it.upper))
    return f"**{middle}** ({low}–{high})"


def _microseconds(it: Spread) -> str:
    return f"**{it.middle * 1e6:.0f}** ({it.lower * 1e6:.0f}–{it.upper * 1e6:.0f})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _machine() -> str:
    python = platform.python_version()
    return f"{os.cpu_count()} cores of {platform.machine()}, Python {python}"
