"""The measured part of docs/scaling.md, and its plot."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from tests.benchmarks.lists.ledger import Entry, Ledger
from tests.benchmarks.lists.meter import Cost
from tests.benchmarks.lists.plot import Line, svg
from tests.benchmarks.lists.reads import COLUMNS, ListRequest
from tests.benchmarks.lists.writes import Batch, Written
from tests.support.sam_template import ROOT

PAGE, PLOT = ROOT / "docs/scaling.md", ROOT / "docs/scaling.svg"
_BEGIN, _END = "<!-- measured: make bench-lists -->", "<!-- end of measurements -->"


@dataclass
class Reads:
    """Costs by question, column and size."""

    costs: dict[str, dict[str, dict[int, Cost]]]
    bounds: dict[str, float]  # units that grow with the matches
    scans: dict[int, Mapping[str, Cost]]

    def add(self, size: int, requests: Iterable[ListRequest]) -> None:
        for it in requests:
            columns = self.costs.setdefault(it.title, {})
            if it.grows_to is not None:
                self.bounds[it.title] = it.grows_to
            for column, cost in it.costs().items():
                columns.setdefault(column, {})[size] = cost

    def grown(self, tolerance: float) -> list[str]:
        """Return violations of the promise as text."""
        broken = []
        for title, columns in self.costs.items():
            for column, by_size in columns.items():
                units = [cost.units for cost in by_size.values()]
                bound = self.bounds.get(title)
                if bound is None:
                    bound = tolerance * min(units)
                    if column.startswith("page") and not title.startswith("search"):
                        continue
                if max(units) > bound:
                    place = f"{title}, {column}: {_units(by_size)} units"
                    broken.append(f"{place}, more than {bound:.1f}")
        return broken


def write(
    reads: Reads, written: Sequence[Written], batch: Batch, seconds: float, is_full: bool
) -> None:
    PLOT.write_text(svg(_lines(reads)))
    before, _, rest = PAGE.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    measured = "\n\n".join(_measured(reads, written, batch, seconds, is_full))
    PAGE.write_text(f"{before}{_BEGIN}\n\n{measured}\n\n{_END}{after}")


def _measured(
    reads: Reads, written: Sequence[Written], batch: Batch, seconds: float, is_full: bool
) -> Iterable[str]:
    sizes = [*reads.scans]
    day = datetime.now(UTC).date()
    yield (
        f"Measured on {day} in {seconds / 60:.0f} minutes; read units"
        f" at {' / '.join(f'{size:,}' for size in sizes)} users, – if the list is shorter."
        " Calls are those of the last column at the largest size."
        + ("" if is_full else " Search rows at the largest size: those that these searches read.")
    )
    yield _table("users", reads, lambda title: title.startswith("users"))
    yield _table("search", reads, lambda title: title.startswith("search"))
    yield "Products and orders at 1,000 / 10,000:"
    yield _table(
        "list", reads, lambda title: title.startswith(("products", "orders")), sizes=(1_000, 10_000)
    )
    yield "The same pages by Scan and filter:"
    rows = [
        [name, *(f"{reads.scans[size][name].units:,.1f}" for size in sizes)]
        for name in reads.scans[sizes[0]]
    ]
    yield _markdown(["users, scanned", *(f"{size:,}" for size in sizes)], rows)
    yield "Write units and their sum; the number in brackets is the largest item's size in bytes:"
    yield _markdown(
        ["write", "tables", "indexes", "for lists", "sum", "of which"],
        [
            [
                it.title,
                str(it.itself.in_tables),
                str(it.itself.units - it.itself.in_tables),
                str(it.projected.units),
                f"**{it.itself.units + it.projected.units}**",
                f"{_sum(it.itself)}; for lists: {_sum(it.projected)}",
            ]
            for it in written
        ],
    )
    calls = ", ".join(f"{count} {name}" for name, count in sorted(batch.calls.items()))
    yield (
        f"The projector needs {batch.seconds:.2f} s for a batch of {batch.records} sign-ups:"
        f" {batch.calls.total()} sequential calls ({calls})."
    )


def _table(
    head: str, reads: Reads, is_included: Callable[[str], bool], sizes: Sequence[int] = ()
) -> str:
    sizes = sizes or [*reads.scans]
    rows = []
    for title, columns in reads.costs.items():
        if is_included(title):
            cells = [
                _units(columns[column], sizes) if column in columns else "–" for column in COLUMNS
            ]
            by_size = columns.get(COLUMNS[-1]) or columns[COLUMNS[0]]
            rows.append([title, *cells, f"{[*by_size.values()][-1].calls:.0f}"])
    return _markdown([head, *COLUMNS, "calls"], rows)


def _units(by_size: Mapping[int, Cost], sizes: Sequence[int] = ()) -> str:
    return " / ".join(
        f"{by_size[size].units:.1f}" if size in by_size else "–" for size in sizes or by_size
    )


def _sum(ledger: Ledger) -> str:
    """Return `users 2 (412), by_id 1, …`, each place once."""
    places: dict[str, list[Entry]] = {}
    for entry in ledger.entries:
        places.setdefault(entry.place, []).append(entry)
    return ", ".join(
        f"{place} {_times(entries)} ({max(entry.size for entry in entries)})"
        for place, entries in places.items()
    )


def _times(entries: Sequence[Entry]) -> str:
    """Return `19 × 1 + 2` for nineteen writes of one unit and one of two."""
    units = sorted(entry.units for entry in entries)
    groups = [(unit, len([*same])) for unit, same in groupby(units)]
    return " + ".join(f"{count} × {unit}" if count > 1 else f"{unit}" for unit, count in groups)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _lines(reads: Reads) -> list[Line]:
    def of(title: str, column: str, name: str) -> Line:
        by_size = reads.costs[title][column]
        return Line(name, {size: cost.units for size, cost in by_size.items()})

    first = next(iter(reads.scans[min(reads.scans)]))
    return [
        Line("Scan and filter", {size: it[first].units for size, it in reads.scans.items()}),
        of("users, all, name", "page 50", "users by name, page 50 by number"),
        of("search zbigniew: 500 matches, -createdAt", "page 1", "search with 500 matches"),
        of("users, all, name", COLUMNS[-1], "users by name, any page by cursor"),
        of("search quixote: one match, -createdAt", "page 1", "search with one match"),
    ]
