"""The table of patches as Markdown."""

from collections.abc import Iterator
from pathlib import Path

from tools.local_cloud.emulator.patches.pinned import MINISTACK
from tools.local_cloud.emulator.patches.table import PATCHES, REPOSITORY, Patch

DOCUMENT = Path(__file__).resolve().parents[4] / "docs/emulator-patches.md"

_INTRODUCTION = f"""\
# Emulator patches

The local cloud runs on ministack {MINISTACK}, an emulator of AWS by others. The
{len(PATCHES)} patches below correct or extend it in memory at start. The package
`tools/local_cloud/emulator/patches/` has a function for each.

The emulator does not start with another version, or when a name in this table is missing. Each
patch also checks the parameters or the source of the functions that it replaces.

To raise the version:

1. Raise the pin in `pyproject.toml`, and `MINISTACK` in `pinned.py`.
2. Read the changes, and delete each patch that is removable.
3. Run `tests/local_cloud`, then `make generate`, which writes this page from `table.py`.

| patch | change | reason | upstream | removable when | test |
| --- | --- | --- | --- | --- | --- |
"""
_REPORTS = f"""
## Reports to file

No issue of ministack covers these. File each at {REPOSITORY}/issues,
then replace `report` by `upstream` in the table.

"""
_NAMES = """
## Names of ministack

Every private name that the patches replace or read, and every public one that they replace. A name
that several patches use is in the row of one.

| patch | names |
| --- | --- |
"""


def rendered() -> str:
    """Return the page: patches, reports to file, names."""
    return "".join(
        [
            _INTRODUCTION,
            *(_row(it) for it in PATCHES),
            _REPORTS,
            *(f"* `{it.apply}`: {it.report}\n" for it in PATCHES if it.report),
            _NAMES,
            *(f"| `{it.apply}` | {', '.join(_short(it))} |\n" for it in PATCHES if it.names),
        ]
    )


def _row(patch: Patch) -> str:
    upstream = patch.upstream
    link = f"[#{upstream.rpartition('/')[2]}]({upstream})" if upstream else "to file"
    test = f"`{patch.test.partition('::')[2]}`"
    cells = (f"`{patch.apply}`", patch.change, patch.reason, link, patch.removable, test)
    return f"| {' | '.join(cells)} |\n"


def _short(patch: Patch) -> Iterator[str]:
    """The names with their module only: ``sqs._queues`` for ``services.sqs._queues``."""
    for name in patch.names:
        yield f"`{name.split('.', 1)[1].removeprefix('cloudformation.')}`"
