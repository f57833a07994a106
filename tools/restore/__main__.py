"""``make restore-table``: copy a table at a point in time, compare it, and restore items."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import batched
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from shop.dynamo import tables
from tools.audit import audited, write_audit_line
from tools.restore.comparison import Comparer, Comparison
from tools.restore.copy import Copy
from tools.restore.counts import count_admins, count_orders
from tools.restore.restorer import Outcome, Restorer
from tools.restore.table_specs import TABLE_SPECS, LiveReader
from tools.tables.deployment import LOCAL_STACK, attach, retrying_client
from tools.tables.rate import Rate

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ACTIONS = ("plan", "restore", "compare", "bring-back", "clean")
_REBUILT_BY_RECOUNT = ("CountersTable", "SearchTable")
_MAX_NAMES_SHOWN = 200  # of missing and of changed items each
_MAX_NAMES_PER_LINE = 500  # of the audit log


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    stack = attach(options.env, options.local_stack)
    client = retrying_client()
    write_line = partial(write_audit_line, boto3.client, stack, "restore-table")
    audit = partial(audited, boto3.client, stack, "restore-table")
    spec = TABLE_SPECS[options.table]
    copy = Copy(client, spec.table(), options.at)
    if options.action == "plan":
        lines = [*copy.plan()]
        print(*lines, sep="\n")
        return int(lines[-1].startswith("Not"))
    subject = {"table": options.table, "copy": copy.name}
    if options.action == "restore":
        with audit(subject) as record:
            copy.restore()
            record.outcome = "restored"
        print(f"{copy.name} is ready.")
        return 0
    if not copy.exists():
        sys.exit(f"The copy {copy.name} does not exist: ACTION=restore")
    if options.action == "clean":
        with audit(subject) as record:
            copy.delete()
            record.outcome = "cleaned"
        return 0
    credentials = Copy(client, tables.credentials(), options.at)
    reader = LiveReader(client, credentials.name if credentials.exists() else None)
    restorer = Restorer(spec, copy.name, reader)
    comparer = Comparer(client, Rate(options.rate), spec.keys, spec.name)
    found = comparer.compare(spec.table(), copy.name)
    if options.action == "compare":
        write_line(subject, "compared")
        _print_comparison(restorer, found)
        return 0
    outcomes: list[Outcome] = []
    with audit(subject) as record:
        try:
            outcomes.extend(_restore_items(options, restorer, found))
        finally:
            # Also after an interruption.
            names = (it.name for it in outcomes if not it.error)
            for chunk in batched(names, _MAX_NAMES_PER_LINE, strict=False):
                write_line({**subject, "items": chunk}, "brought back")
            _recount(client, options.table, outcomes)
        has_errors = any(it.error for it in outcomes)
        record.outcome = "items not restored" if has_errors else "done"
    print("Next: make recount, with REPAIR=1 if it finds differences.")
    return int(has_errors)


def _options(arguments: Sequence[str] | None) -> Namespace:
    parser = ArgumentParser(prog="make restore-table", description=__doc__)
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("--table", required=True, help="logical id in template.yaml")
    parser.add_argument(
        "--at",
        required=True,
        type=_point_in_time,
        help="point in time, such as 2026-11-23T10:00:00Z",
    )
    parser.add_argument("--keys", default="", help="names that compare prints, separated by spaces")
    parser.add_argument(
        "--all-missing",
        action="store_true",
        help="all missing items, except those that may be deleted",
    )
    parser.add_argument("--env", help="environment in samconfig.toml; default: the local stack")
    parser.add_argument(
        "--local-stack", type=Path, default=LOCAL_STACK, help="stack.json of the local stack"
    )
    parser.add_argument("--rate", type=float, default=1000, help="read units per second")
    options = parser.parse_args(arguments)
    if options.table in _REBUILT_BY_RECOUNT:
        parser.error(f"{options.table} is derived from the other tables: make recount REPAIR=1")
    if options.table not in TABLE_SPECS:
        parser.error(f"{options.table} has no backups; choose one of {', '.join(TABLE_SPECS)}")
    if options.action == "bring-back" and bool(options.keys) == options.all_missing:
        parser.error("name the items: KEYS='…', or ALL_MISSING=1")
    return options


def _point_in_time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("the time zone is missing: append Z for UTC")
    return moment.astimezone(UTC)


def _print_comparison(restorer: Restorer, found: Comparison) -> None:
    """Print names only; those of changed items include the fingerprint that a restore requires."""
    missing = restorer.find_missing(found)
    doubtful = {name: restorer.deletion_reason(key) for name, key in missing.items()}
    print(f"{found.same:,} unchanged, {found.new:,} new since")
    _print_names("missing", [name for name, reason in doubtful.items() if reason is None])
    _print_names("missing", [f"{name}: {reason}" for name, reason in doubtful.items() if reason])
    _print_names("changed since", sorted(found.changed))


def _print_names(heading: str, names: Sequence[str]) -> None:
    if names:
        print(f"{len(names):,} {heading}:")
        print(*(f"  {name}" for name in names[:_MAX_NAMES_SHOWN]), sep="\n")
    if len(names) > _MAX_NAMES_SHOWN:
        print(f"  and {len(names) - _MAX_NAMES_SHOWN:,} more")


def _restore_items(options: Namespace, restorer: Restorer, found: Comparison) -> Iterable[Outcome]:
    try:
        keys = restorer.find_keys(found, options.keys.split())
    except LookupError as error:
        sys.exit(f"{error} is not missing, or changed since the comparison: ACTION=compare")
    if options.all_missing:
        for name, key in restorer.find_missing(found).items():
            reason = restorer.deletion_reason(key)
            if reason is None:
                keys = {**keys, name: key}
            else:
                print(f"{name}: skipped, {reason}; to restore it, name it in KEYS")
    for outcome in restorer.restore(keys):
        result = f"not restored: {outcome.error}" if outcome.error else "restored"
        print(f"{outcome.name}: {result}")
        yield outcome


def _recount(client: "DynamoDBClient", table: str, outcomes: Sequence[Outcome]) -> None:
    """Count again: the rows with counts include restored items, or were lost themselves."""
    restored = [it.key for it in outcomes if not it.error]
    if table == "UsersTable" and restored:
        print(f"{count_admins(client)} active admins")
    if table == "OrdersTable":
        for user_id in {key["user_id"] for key in restored}:
            count_orders(client, user_id)


if __name__ == "__main__":
    sys.exit(main())
