"""``make migrate``: plan, preview, run and verify a migration of stored data."""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

import boto3

from tools.audit import audited
from tools.migrate.engine import Contended, Engine, TableResult
from tools.migrate.migration import Migration, all_migrations
from tools.migrate.plan import plan
from tools.tables.deployment import LOCAL_STACK, attach, retrying_client
from tools.tables.rate import Rate


def main(arguments: Sequence[str] | None = None) -> int:
    parser = ArgumentParser(prog="make migrate", description=__doc__)
    parser.add_argument("action", choices=("plan", "dry-run", "run", "verify"))
    parser.add_argument("--migration", type=int, required=True, help="number of the migration")
    parser.add_argument("--env", help="environment in samconfig.toml; default: the local stack")
    parser.add_argument(
        "--local-stack", type=Path, default=LOCAL_STACK, help="stack.json of the local stack"
    )
    parser.add_argument("--rate", type=float, default=100, help="read and write units per second")
    parser.add_argument("--segments", type=int, default=4, help="segments scanned in parallel")
    options = parser.parse_args(arguments)
    migration = all_migrations().get(options.migration)
    if migration is None:
        parser.error(f"there is no migration {options.migration}")
    stack = attach(options.env, options.local_stack)
    client = retrying_client()
    if options.action == "plan":
        print(*plan(client, migration, options.rate), sep="\n")
        return 0
    engine = Engine(client, Rate(options.rate), options.segments)
    if options.action == "run":
        subject = {"migration": str(migration.number)}
        try:
            with audited(boto3.client, stack, "migrate", subject) as record:
                changed = engine.run(migration)
                record.outcome = "done"
        except (KeyboardInterrupt, Contended) as stopped:
            sys.exit(f"Stopped: {stopped!r}. Run it again to continue from there.")
        return _report(migration, changed, "changed")
    found = engine.preview(migration)
    pending = _report(migration, found, "would change")
    return pending if options.action == "verify" else 0


def _report(migration: Migration, found: Sequence[TableResult], verb: str) -> int:
    """Print the result per table; return 1 if a preview found items to migrate."""
    print(f"Migration {migration.number}, {migration.title}")
    for table in found:
        print(f"  {table.table}: {table.pending:,} of {table.seen:,} items {verb}")
        for example in table.examples:
            print(f"    {example}")
    return 0 if verb == "changed" else int(any(table.pending for table in found))


if __name__ == "__main__":
    sys.exit(main())
