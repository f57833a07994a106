"""The cost section of docs/performance.md, with its numbers file."""

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from statistics import mean, median
from typing import Any  # Any: JSON

from tests.benchmarks.costs import price
from tests.benchmarks.costs.measure import WORKERS, Cold, Measured
from tests.benchmarks.costs.price import Prices, Use
from tests.benchmarks.costs.routes import (
    AUTHORIZER,
    function_of,
    is_hashing,
    is_traced,
    memory_of,
    needs_token,
)
from tests.benchmarks.costs.scenario import MEASURED
from tests.benchmarks.peers.measure import IDLE
from tests.support.sam_template import ROOT, functions

PAGE, NUMBERS = ROOT / "docs/performance.md", ROOT / "docs/costs.json"
BEGIN, END = "<!-- costs: make bench-costs -->", "<!-- end of costs -->"
SIZES = (128, 256, 512, 1024, 1769)  # MB
_HASHING = 0.1  # CPU seconds, which only password hashing reaches

type Found = Mapping[str, Measured]  # by route


def write(found: Found, load: float) -> None:
    numbers = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores of {platform.machine()},"
        f" Python {platform.python_version()}",
        "load_before": load,
        "routes": {route: asdict(it) for route, it in found.items()},
    }
    NUMBERS.write_text(json.dumps(numbers, indent=1) + "\n")
    PAGE.write_text(page())


def page() -> str:
    """Render the section from the numbers, the prices and the template."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    measured = "\n\n".join(_measured(json.loads(NUMBERS.read_text())))
    return f"{before}{BEGIN}\n\n{measured}\n\n{END}{after}"


def _found(routes: Mapping[str, Any]) -> Found:
    return {
        route: Measured(
            Use(**it["use"]),
            Cold(**it["cold"]),
            {name: [Use(**use) for use in uses] for name, uses in it["afterwards"].items()},
        )
        for route, it in routes.items()
    }


def _measured(numbers: Mapping[str, Any]) -> Iterable[str]:
    found, load = _found(numbers["routes"]), numbers["load_before"]
    prices = price.prices()
    known = json.loads(price.PRICES.read_text())
    busy = "" if load < IDLE else f", busy with other work (a load of {load:.1f} at the start)"
    yield (
        f"Measured on {numbers['measured'][:10]} on {numbers['machine']}{busy}."
        f" Prices of {known['as_of']}, {known['region']}."
    )
    yield "Dollars per million warm calls, and the duration of one, at the function's memory:"
    yield _table(
        [
            *("", "MB", "ms", "gateway", "authorizer", "Lambda", "DynamoDB", "logs, queue"),
            *("**sum**", "afterwards"),
        ],
        [_row_of_prices(route, found, prices) for route in found],
    )
    if new := [route for route in MEASURED if route not in found]:
        yield f"Not measured yet: {', '.join(map(_name, new))}. `make bench-costs` measures them."
    yield _lambda_share(found, prices)
    yield _traces(prices)
    yield "Resources per call:"
    yield _table(
        [
            *("", "CPU, ms", "waits", "read units", "write units", "bytes of log"),
            *("cold start's CPU, ms", "of which first request", "peak MB"),
        ],
        [
            [
                _name(route),
                f"{it.use.cpu * 1e3:.2f}",
                f"{it.use.round_trips}",
                f"{it.use.reads:g}",
                f"{it.use.writes:g}",
                f"{it.use.log_bytes:.0f}",
                f"{it.cold.cpu * 1e3:.0f}",
                f"{it.cold.first * 1e3:.0f}",
                f"{it.cold.peak_bytes / 1e6:.0f}",
            ]
            for route, it in found.items()
        ],
    )
    yield "Duration of a warm call at other memory sizes, and Lambda's price per million:"
    yield _table(
        ["", *(f"{size:,} MB" for size in SIZES)],
        [
            [_name(route), *(_at(it.use, size, prices) for size in SIZES)]
            for route, it in found.items()
        ],
    )
    yield (
        "Means of all routes without password hashing, with the authorizer: duration; total cost"
        f" per million, warm, and with {price.COLD:.0%} cold starts (assumed); Lambda's extra cost"
        " per million cold starts; and CPU time of a sandbox's first request:"
    )
    yield _table(
        [
            *("MB", "ms", "dollars, warm", f"dollars, {price.COLD:.0%} cold"),
            *("a million cold starts", "first request's CPU, ms"),
        ],
        [*_mean_rows(found, prices)],
    )
    yield "Resources of the stream workers for the changes of one call, minimum to maximum:"
    yield _table(
        [
            *("", "MB", "CPU, ms", "waits", "write units"),
            *(f"Lambda per million at {size:,} MB" for size in (512, 1024)),
        ],
        [_row_of_worker(name, found, prices) for name in WORKERS],
    )


def _lambda_share(found: Found, prices: Prices) -> str:
    hashing: list[tuple[float, str]] = []
    others: list[tuple[float, str]] = []
    for route, it in found.items():
        if route == AUTHORIZER:
            continue
        parts = _parts(route, found, memory_of(function_of(route)), prices)
        of_kind = hashing if it.use.cpu > _HASHING else others
        of_kind.append((parts[2] / sum(parts), route))
    most, route = max(others)
    shares = [share for share, _ in hashing]
    return (
        f"Lambda's share of these sums is {min(shares):.0%} to {max(shares):.0%} for routes that"
        f" hash a password. For the others, the median is {median(it for it, _ in others):.0%},"
        f" and the maximum {most:.0%}, for `{route}`."
    )


def _traces(prices: Prices) -> str:
    return (
        f"The gateway's part includes X-Ray traces at an assumed {price.RATE} requests per second."
        " The default rule samples the first request of each second and 5% of the others:"
        f" {price.traced(price.RATE):.1%} of all, ${price.of_traces(prices):.2f} per million."
        " Below one request per second, all are traced, for"
        f" ${prices.trace * price.MILLION:.2f} per million; the gateway itself costs"
        f" ${prices.gateway_request * price.MILLION:.2f}."
    )


def _row_of_worker(name: str, found: Found, prices: Prices) -> list[str]:
    function = next(it for it in functions() if it.path.stem == name)
    uses = [use for it in found.values() for use in it.afterwards.get(name, [])]
    return [
        function.name,
        f"{memory_of(function):,}",
        _spread([use.cpu * 1e3 for use in uses], ".1f"),
        _spread([use.round_trips for use in uses], "d"),
        _spread([use.writes for use in uses], "g"),
        *(
            _spread([price.of_lambda(use, size, prices) for use in uses], ".2f")
            for size in (512, 1024)
        ),
    ]


def _spread(values: Sequence[float], spelling: str) -> str:
    ends = [format(end, spelling) for end in (min(values), max(values))]
    return ends[0] if ends[0] == ends[1] else "–".join(ends)


def _row_of_prices(route: str, found: Found, prices: Prices) -> list[str]:
    it, memory = found[route], memory_of(function_of(route))
    parts = _parts(route, found, memory, prices)
    dollars = [f"{part:.2f}" if part else "–" for part in parts]
    after = afterwards(it, prices)
    return [
        _name(route),
        f"{memory:,}",
        _milliseconds(it.use, memory),
        *dollars,
        f"**{sum(parts):.2f}**",
        f"{after:.2f}" if after else "–",
    ]


def _parts(route: str, found: Found, memory: int, prices: Prices) -> list[float]:
    """Return dollars per million for gateway, authorizer, Lambda, DynamoDB and all else."""
    use = found[route].use
    is_route = route != AUTHORIZER
    authorizer = 0.0
    if is_route and needs_token(route):
        size = memory_of(function_of(AUTHORIZER))
        authorizer = price.of_invocation(found[AUTHORIZER].use, size, prices)
    return [
        price.of_gateway(prices, is_traced(route)) if is_route else 0.0,
        authorizer,
        price.of_lambda(use, memory, prices),
        price.of_tables(use, prices),
        price.of_the_rest(use, prices),
    ]


def afterwards(it: Measured, prices: Prices) -> float:
    """Return dollars per million if no two calls share a batch, which starts its own traces."""
    sizes = {f.path.stem: memory_of(f) for f in functions() if f.path.stem in WORKERS}
    return sum(
        price.of_invocation(use, sizes[worker], prices) + price.of_traces(prices)
        for worker, uses in it.afterwards.items()
        for use in uses
    )


def _mean_rows(found: Found, prices: Prices) -> Iterable[list[str]]:
    routes = [it for it in found if it != AUTHORIZER and not is_hashing(function_of(it))]
    for size in SIZES:
        durations, costs, starts, all_starts, firsts = [], [], [], [], []
        for route in routes:
            invoked = [found[it] for it in [route] + [AUTHORIZER] * needs_token(route)]
            durations.append(sum(price.seconds(it.use, size) for it in invoked))
            at_size = sum(price.of_invocation(it.use, size, prices) for it in invoked)
            costs.append(at_size + price.of_gateway(prices, is_traced(route)))
            cold_starts = [
                price.of_cold_start(it.cold.init, it.cold.first, it.use, size, prices)
                for it in invoked
            ]
            starts.append(cold_starts[0])
            all_starts.append(sum(cold_starts))
            firsts.append(found[route].cold.first * price.slowness(size))
        yield [
            f"{size:,}",
            f"{mean(durations) * 1e3:.0f}",
            f"{mean(costs):.2f}",
            f"{mean(costs) + price.COLD * mean(all_starts):.2f}",
            f"{mean(starts):.2f}",
            f"{mean(firsts) * 1e3:.0f}",
        ]


def _at(use: Use, size: int, prices: Prices) -> str:
    return f"{_milliseconds(use, size)} ms, ${price.of_lambda(use, size, prices):.2f}"


def _milliseconds(use: Use, memory: int) -> str:
    return f"{price.seconds(use, memory) * 1e3:.0f}"


def _name(route: str) -> str:
    return route if route == AUTHORIZER else f"`{route}`"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
