"""``make migrate``: plans, tries, runs and verifies a migration of what is stored."""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

import boto3

from tools.audit import on_record
from tools.migrate.engine import Contended, Engine, Found
from tools.migrate.migration import Migration, every_migration
from tools.migrate.plan import plan
from tools.tables.deployment import LOCAL_STACK, attach, patient_client
from tools.tables.rate import Rate


def main(arguments: Sequence[str] | None = None) -> int:
    parser = ArgumentParser(prog="make migrate", description=__doc__)
    parser.add_argument("action", choices=("plan", "dry-run", "run", "verify"))
    parser.add_argument("--migration", type=int, required=True, help="its number")
    parser.add_argument("--env", help="of samconfig.toml; without it, the local stack")
    parser.add_argument("--local-stack", type=Path, default=LOCAL_STACK, help="its stack.json")
    parser.add_argument("--rate", type=float, default=100, help="units a second, read and written")
    parser.add_argument("--segments", type=int, default=4, help="gone through beside each other")
    options = parser.parse_args(arguments)
    migration = every_migration().get(options.migration)
    if migration is None:
        parser.error(f"there is no migration {options.migration}")
    stack = attach(options.env, options.local_stack)
    client = patient_client()
    if options.action == "plan":
        print(*plan(client, migration, options.rate), sep="\n")
        return 0
    engine = Engine(client, Rate(options.rate), options.segments)
    if options.action == "run":
        subject = {"migration": str(migration.number)}
        try:
            with on_record(boto3.client, stack, "migrate", subject) as record:
                changed = engine.run(migration)
                record.outcome = "done"
        except (KeyboardInterrupt, Contended) as stopped:
            sys.exit(f"Stopped: {stopped!r}. Run it again to go on from there.")
        return _report(migration, changed, "changed")
    found = engine.look(migration)
    needing = _report(migration, found, "would change")
    return needing if options.action == "verify" else 0


def _report(migration: Migration, found: Sequence[Found], verb: str) -> int:
    """Prints what was found; 1 where items needed the migration, for who verifies."""
    print(f"Migration {migration.number}, {migration.title}")
    for table in found:
        print(f"  {table.table}: {table.needing:,} of {table.seen:,} items {verb}")
        for example in table.examples:
            print(f"    {example}")
    return 0 if verb == "changed" else int(any(table.needing for table in found))


if __name__ == "__main__":
    sys.exit(main())
