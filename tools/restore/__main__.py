"""``make restore-table``: a table as it was, in a copy, and out of it what was lost."""

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
from tools.audit import leave_audit_line, on_record
from tools.restore.bringing import Bringing, Outcome
from tools.restore.comparison import Comparing, Comparison
from tools.restore.copy import Copy
from tools.restore.counts import count_admins, count_orders
from tools.restore.rooms import ROOMS, Sight
from tools.tables.deployment import LOCAL_STACK, attach, patient_client
from tools.tables.rate import Rate

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ACTIONS = ("plan", "restore", "compare", "bring-back", "clean")
_REBUILT = ("CountersTable", "SearchTable")
_SHOWN = 200  # names of a kind
_NAMES_A_LINE = 500  # of the audit


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    stack = attach(options.env, options.local_stack)
    client = patient_client()
    leave = partial(leave_audit_line, boto3.client, stack, "restore-table")
    begin = partial(on_record, boto3.client, stack, "restore-table")
    room = ROOMS[options.table]
    copy = Copy(client, room.table(), options.at)
    if options.action == "plan":
        lines = [*copy.plan()]
        print(*lines, sep="\n")
        return int(lines[-1].startswith("Not"))
    subject = {"table": options.table, "copy": copy.name}
    if options.action == "restore":
        with begin(subject) as record:
            copy.restore()
            record.outcome = "restored"
        print(f"{copy.name} is there.")
        return 0
    if not copy.exists():
        sys.exit(f"There is no {copy.name}: ACTION=restore")
    if options.action == "clean":
        with begin(subject) as record:
            copy.delete()
            record.outcome = "cleaned"
        return 0
    credentials = Copy(client, tables.credentials(), options.at)
    sight = Sight(client, credentials.name if credentials.exists() else None)
    bringing = Bringing(room, copy.name, sight)
    comparing = Comparing(client, Rate(options.rate), room.keys, room.name)
    found = comparing.compare(room.table(), copy.name)
    if options.action == "compare":
        leave(subject, "compared")
        _show(bringing, found)
        return 0
    done: list[Outcome] = []
    with begin(subject) as record:
        try:
            done.extend(_brought(options, bringing, found))
        finally:
            # Also where it was stopped halfway.
            names = (it.name for it in done if not it.refused)
            for chunk in batched(names, _NAMES_A_LINE, strict=False):
                leave({**subject, "items": chunk}, "brought back")
            _count(client, options.table, done)
        refused = any(it.refused for it in done)
        record.outcome = "something is left" if refused else "done"
    print("Then: make recount, and with REPAIR=1 if it finds something.")
    return int(refused)


def _options(arguments: Sequence[str] | None) -> Namespace:
    parser = ArgumentParser(prog="make restore-table", description=__doc__)
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("--table", required=True, help="its name in template.yaml")
    parser.add_argument("--at", required=True, type=_moment, help="such as 2026-11-23T10:00:00Z")
    parser.add_argument("--keys", default="", help="what compare prints, separated by blanks")
    parser.add_argument("--all-missing", action="store_true", help="but what may be deleted")
    parser.add_argument("--env", help="of samconfig.toml; without it, the local stack")
    parser.add_argument("--local-stack", type=Path, default=LOCAL_STACK, help="its stack.json")
    parser.add_argument("--rate", type=float, default=1000, help="read units a second")
    options = parser.parse_args(arguments)
    if options.table in _REBUILT:
        parser.error(f"{options.table} is made from the other tables: make recount REPAIR=1")
    if options.table not in ROOMS:
        parser.error(f"of {options.table} nothing is kept; tables are {', '.join(ROOMS)}")
    if options.action == "bring-back" and bool(options.keys) == options.all_missing:
        parser.error("say which items: KEYS='…', or ALL_MISSING=1")
    return options


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("without Z nobody knows which hour is meant")
    return moment.astimezone(UTC)


def _show(bringing: Bringing, found: Comparison) -> None:
    """Names only, and of what changed with the fingerprint by which it may be brought back."""
    missing = bringing.missing(found)
    doubtful = {name: bringing.why_doubtful(key) for name, key in missing.items()}
    print(f"{found.same:,} as they were, {found.new:,} new since")
    _list("missing", [name for name, why in doubtful.items() if why is None])
    _list("missing", [f"{name}: {why}" for name, why in doubtful.items() if why])
    _list("changed since", sorted(found.changed))


def _list(what: str, names: Sequence[str]) -> None:
    if names:
        print(f"{len(names):,} {what}:")
        print(*(f"  {name}" for name in names[:_SHOWN]), sep="\n")
    if len(names) > _SHOWN:
        print(f"  and {len(names) - _SHOWN:,} more")


def _brought(options: Namespace, bringing: Bringing, found: Comparison) -> Iterable[Outcome]:
    try:
        wanted = bringing.wanted(found, options.keys.split())
    except LookupError as error:
        sys.exit(f"{error} is not missing and not as it was compared: ACTION=compare")
    if options.all_missing:
        for name, key in bringing.missing(found).items():
            why = bringing.why_doubtful(key)
            if why is None:
                wanted = {**wanted, name: key}
            else:
                print(f"{name}: left, {why}; to bring it back, name it in KEYS")
    for outcome in bringing.bring(wanted):
        refused = f"not brought back: {outcome.refused}"
        print(f"{outcome.name}: {refused if outcome.refused else 'brought back'}")
        yield outcome


def _count(client: "DynamoDBClient", table: str, done: Sequence[Outcome]) -> None:
    """Rows that count what was brought back, or were lost themselves."""
    brought = [it.key for it in done if not it.refused]
    if table == "UsersTable" and brought:
        print(f"{count_admins(client)} active admins")
    if table == "OrdersTable":
        for user_id in {key["user_id"] for key in brought}:
            count_orders(client, user_id)


if __name__ == "__main__":
    sys.exit(main())
