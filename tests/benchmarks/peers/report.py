"""The plot and the measured part of docs/performance.md, both from the numbers alone."""

from collections.abc import Iterable, Sequence

from tests.benchmarks.peers.cases import CASES, GET, POST, Case
from tests.benchmarks.peers.endpoints import Endpoints
from tests.benchmarks.peers.measure import IDLE
from tests.benchmarks.peers.plot import Bar, svg
from tests.benchmarks.peers.results import Results
from tests.benchmarks.peers.summary import Cold, Spread, Summary
from tests.benchmarks.peers.targets import DIGITS, Target, targets
from tests.support.sam_template import ROOT

PAGE, PLOT = ROOT / "docs/performance.md", ROOT / "docs/performance.svg"
_BEGIN, _END = "<!-- measured: make bench -->", "<!-- end of measurements -->"

_MEASURED = tuple(case for case in CASES if not case.is_cold_only)
_COLD_ONLY = tuple(case for case in CASES if case.is_cold_only)


def write(results: Results) -> None:
    PLOT.write_text(plot(results))
    PAGE.write_text(page(PAGE.read_text(), results))


def page(text: str, results: Results) -> str:
    """Replace the measured part of the page."""
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    measured = "\n\n".join(_measured(results))
    return f"{before}{_BEGIN}\n\n{measured}\n\n{_END}{after}"


def plot(results: Results) -> str:
    """Return the cases without uncompiled ones, which would dwarf the differences."""
    shown = [case for case in CASES if case.is_compiled]
    return svg(
        [Bar(case.title.strip("*"), _get(results, case).cold, case.is_ours) for case in shown]
    )


def _get(results: Results, case: Case) -> Cold:
    return results.cold_only[case.name] if case.is_cold_only else results.cases[case.name].GET


def _measured(results: Results) -> Iterable[str]:
    cases = results.cases
    yield _summary(results)
    yield from _targets([*targets(results)])
    yield "## Measurements"
    yield _conditions(results)
    for title, summaries in (
        ("GET of one item", {case: cases[case.name].GET for case in _MEASURED}),
        ("POST of an order of three lines", {case: cases[case.name].POST for case in _MEASURED}),
    ):
        yield f"### {title}"
        yield _table(
            [
                "",
                "cold start",
                "its CPU",
                "warm",
                "99th percentile",
                "CPU per request",
                "peak memory",
            ],
            [[case.title, *_row(summary)] for case, summary in summaries.items()],
        )
    yield "### Frameworks alone, and sizes"
    yield "CPU per request outside the store's calls, in µs, and the size of the packages:"
    yield _table(
        ["", GET, POST, "zipped", "unpacked"],
        [
            [
                case.title,
                _microseconds(it.GET.stubbed),
                _microseconds(it.POST.stubbed),
                f"{it.size.zipped / 1e6:.2f} MB",
                f"{it.size.unpacked / 1e6:.1f} MB",
            ]
            for case in _MEASURED
            for it in [cases[case.name]]
        ],
    )
    yield "### With TLS to the store"
    yield (
        "The first connection costs more over TLS, as to AWS. The product's layer has five"
        " certificate authorities, and the peers load all of botocore's. Targets are judged"
        " without TLS."
    )
    yield _table(
        ["GET", "cold start", "its CPU", "CPU without TLS", "of boto3 + json, by CPU"],
        [
            [
                case.title,
                _milliseconds(it.cold, 0),
                f"{it.cold_cpu.middle * 1e3:.0f}",
                f"{cases[case.name].GET.cold_cpu.middle * 1e3:.0f}",
                f"{it.cold_cpu.middle / results.over_tls['boto3'].cold_cpu.middle:.2f}",
            ]
            for case in _MEASURED
            if (it := results.over_tls.get(case.name))
        ],
    )
    yield "### Lower bound, and the effect of .pyc files"
    yield _table(
        ["GET", "cold start", "its CPU"],
        [
            [case.title, _milliseconds(it.cold, 0), f"{it.cold_cpu.middle * 1e3:.0f}"]
            for case in _COLD_ONLY
            for it in [results.cold_only[case.name]]
        ],
    )
    yield from _endpoints(results.endpoints)


def _summary(results: Results) -> str:
    ours, cases = results.cases["shop"].GET, results.cases
    bare, powertools, fastapi = (
        cases[name].GET for name in ("boto3", "powertools-full", "fastapi")
    )

    def times(peer: Summary) -> str:
        return f"{ours.cold.middle / peer.cold.middle:.2f} times that of"

    return (
        f"A cold start of the product's GET takes {ours.cold.middle * 1e3:.0f} ms here:"
        f" {times(bare)} bare boto3, {times(powertools)} Powertools with Logger, Tracer and"
        f" Metrics, and {times(fastapi)} FastAPI. Warm, it takes"
        f" {ours.warm.middle * 1e3:.1f} ms, of which {ours.stubbed.middle * 1e3:.2f} ms are CPU"
        f" outside the store's call; the others take {bare.warm.middle * 1e3:.1f},"
        f" {powertools.warm.middle * 1e3:.1f} and {fastapi.warm.middle * 1e3:.1f} ms."
    )


def _targets(all_of_them: Sequence[Target]) -> Iterable[str]:
    missed = [target for target in all_of_them if not target.is_met]
    yield "## Targets"
    if missed:
        yield f"**{len(missed)} of {len(all_of_them)} targets are not met.**"
    else:
        yield f"All {len(all_of_them)} targets are met."
    yield _table(
        ["target", "at most", "measured", "for comparison", "met?"],
        [
            [
                it.name,
                _amount(it.most, it.unit),
                f"**{_amount(it.measured, it.unit)}**",
                it.beside,
                "yes" if it.is_met else "**no**",
            ]
            for it in all_of_them
        ],
    )


def _amount(value: float, unit: str) -> str:
    return f"{value:.{DIGITS[unit]}f} {unit}".rstrip("× ")


def _conditions(results: Results) -> str:
    one = results.cases["shop"].GET
    load = f"a load of {results.load:.1f} at the start"
    others = (
        f"otherwise idle ({load})"
        if results.load < IDLE
        else f"**busy with other work** ({load}), so times are too long and ratios rough"
    )
    return (
        f"On {results.measured[:10]} in {results.seconds / 60:.0f} minutes, on {results.machine},"
        f" {others}: {one.processes} processes per row and method, {one.requests} warm requests."
        " Milliseconds are medians, with quartiles in brackets."
    )


def _endpoints(endpoints: Endpoints) -> Iterable[str]:
    bare = endpoints.bare
    found = sorted(
        endpoints.of_functions.items(), key=lambda it: it[1].start.cold.middle, reverse=True
    )
    yield "### Cold starts of all endpoints"
    yield (
        f"Slowest first; {bare.processes} processes each, alternating with the GET of boto3 + json,"
        f" which took {_milliseconds(bare.cold, 0)} in the same rounds. GetUser was also measured"
        " above in other rounds: the difference between both values shows their accuracy. bcrypt"
        " hashes at its minimum cost here, since its deployed cost is intentional: as deployed,"
        f" a hash or comparison takes {endpoints.hash_seconds * 1e3:.0f} ms of CPU more. Sign-up,"
        " login and password reset need one, a password change two, and a user update none unless"
        " the email address changes."
    )
    yield _table(
        ["function", "route", "cold start", "its CPU", "of boto3 + json"],
        [
            [
                name,
                (it.route or "before each route that requires a token")
                + ", with bcrypt" * it.is_hashing,
                _milliseconds(it.start.cold, 0),
                f"{it.start.cold_cpu.middle * 1e3:.0f}",
                f"{it.start.cold.middle / bare.cold.middle:.2f}",
            ]
            for name, it in found
        ],
    )


def _row(it: Summary) -> list[str]:
    return [
        _milliseconds(it.cold, 0),
        f"{it.cold_cpu.middle * 1e3:.0f}",
        _milliseconds(it.warm, 1),
        f"{it.warm_99 * 1e3:.1f}",
        _milliseconds(it.warm_cpu, 2),
        f"{it.peak_bytes / 1e6:.0f} MB",
    ]


def _milliseconds(it: Spread, digits: int) -> str:
    low, middle, high = (f"{value * 1e3:.{digits}f}" for value in (it.lower, it.middle, it.upper))
    return f"**{middle}** ({low}–{high})"


def _microseconds(it: Spread) -> str:
    return f"**{it.middle * 1e6:.0f}** ({it.lower * 1e6:.0f}–{it.upper * 1e6:.0f})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
