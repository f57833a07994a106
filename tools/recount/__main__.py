"""``make recount``: compare lists and totals with the tables, and repair them on request."""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from shop.projections.models import Kind
from shop.projections.repository import row_id
from shop.projections.service import MAX_ENTITIES
from tools.audit import audited
from tools.recount import entities, totals
from tools.recount.scanner import Scanner
from tools.tables.deployment import LOCAL_STACK, attach, retrying_client
from tools.tables.rate import Rate

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MAX_PASSES = 3  # the last pass finds no difference if the earlier ones repaired all
_REPAIR_THREADS = 4
_CONFIRMATIONS = 2  # reads with the same difference make a fault


def main(arguments: Sequence[str] | None = None) -> int:
    parser = ArgumentParser(prog="make recount", description=__doc__)
    parser.add_argument("--repair", action="store_true", help="repair the differences")
    parser.add_argument("--env", help="environment in samconfig.toml; default: the local stack")
    parser.add_argument(
        "--local-stack", type=Path, default=LOCAL_STACK, help="stack.json of the local stack"
    )
    parser.add_argument("--rate", type=float, default=1000, help="read units per second")
    parser.add_argument("--segments", type=int, default=4, help="segments scanned in parallel")
    parser.add_argument(
        "--settle", type=float, default=5, help="seconds for the projector to catch up"
    )
    options = parser.parse_args(arguments)
    stack = attach(options.env, options.local_stack)
    client = retrying_client()
    scanner = Scanner(client, Rate(options.rate), options.segments)
    if options.repair:
        subject = {"tables": "counters, search"}
        with audited(boto3.client, stack, "recount", subject) as record:
            found = recount(client, scanner, options.settle, repair=True)
            record.outcome = "differences remain" if found else "done"
    else:
        found = recount(client, scanner, options.settle, repair=False)
    print("Differences remain." if found else "Lists and totals match the tables.")
    return int(found)


def recount(
    client: "DynamoDBClient",
    scanner: Scanner,
    settle: float,
    repair: bool,
    report: Callable[[str], None] = print,
) -> bool:
    """Report differences by ids only; return whether any exist, or remain after a repair."""
    # Totals count the rows, so rows are repaired first.
    wrong = _has_differences(
        lambda: _check_entities(client, scanner, settle, repair, report), repair
    )
    return _has_differences(lambda: _check_totals(client, scanner, repair, report), repair) or wrong


def _has_differences(check: Callable[[], bool], repair: bool) -> bool:
    return all(check() for _ in range(_MAX_PASSES if repair else 1))


def _check_entities(
    client: "DynamoDBClient",
    scanner: Scanner,
    settle: float,
    repair: bool,
    report: Callable[[str], None],
) -> bool:
    suspects = scanner.scan().suspects
    found: Sequence[entities.Fault] = []
    # Most suspects are changes that the projector is about to apply, or that came between reads.
    for _ in range(_CONFIRMATIONS):
        if not suspects:
            return False
        time.sleep(settle)
        users = {entity.id for entity in suspects if entity.kind is Kind.USERS}
        found = entities.find_faults(suspects, scanner.search_rows(users))
        suspects = {fault.reading.entity for fault in found}
    for fault in found:
        report(str(fault))
    if repair:
        chunks = batched(found, MAX_ENTITIES, strict=False)
        with ThreadPoolExecutor(_REPAIR_THREADS) as at:
            for failed in at.map(lambda chunk: entities.repair(client, chunk), chunks):
                for entity, error in failed.items():
                    report(f"{row_id(entity)}: not repaired: {error!r}")
    return bool(found)


def _check_totals(
    client: "DynamoDBClient", scanner: Scanner, repair: bool, report: Callable[[str], None]
) -> bool:
    for _ in range(_MAX_PASSES):
        found = totals.find_differences(scanner)
        if all(difference.missing is not None for difference in found):
            break
    for difference in found:
        report(str(difference))
        if repair:
            totals.repair(client, difference)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
