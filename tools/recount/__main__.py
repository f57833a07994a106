"""``make recount``: compares what lists know with the tables, and mends it if told to."""

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
from tools.audit import on_record
from tools.recount import entities, totals
from tools.recount.census import Reader
from tools.tables.deployment import LOCAL_STACK, attach, patient_client
from tools.tables.rate import Rate

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_LOOKS = 3  # the last of which finds nothing if the others mended it
_MENDING = 4  # threads
_CONFIRMED = 2  # times, before anything counts as a fault


def main(arguments: Sequence[str] | None = None) -> int:
    parser = ArgumentParser(prog="make recount", description=__doc__)
    parser.add_argument("--repair", action="store_true", help="mend what is found")
    parser.add_argument("--env", help="of samconfig.toml; without it, the local stack")
    parser.add_argument("--local-stack", type=Path, default=LOCAL_STACK, help="its stack.json")
    parser.add_argument("--rate", type=float, default=1000, help="read units a second")
    parser.add_argument("--segments", type=int, default=4, help="gone through beside each other")
    parser.add_argument(
        "--settle", type=float, default=5, help="seconds that the projector has to catch up"
    )
    options = parser.parse_args(arguments)
    stack = attach(options.env, options.local_stack)
    client = patient_client()
    reader = Reader(client, Rate(options.rate), options.segments)
    if options.repair:
        subject = {"tables": "counters, search"}
        with on_record(boto3.client, stack, "recount", subject) as record:
            found = recount(client, reader, options.settle, repair=True)
            record.outcome = "something is left" if found else "done"
    else:
        found = recount(client, reader, options.settle, repair=False)
    print("Something is left." if found else "Lists know what the tables say.")
    return int(found)


def recount(
    client: "DynamoDBClient",
    reader: Reader,
    settle: float,
    repair: bool,
    say: Callable[[str], None] = print,
) -> bool:
    """Says what is wrong, by ids only, and returns whether anything is (if told to mend: still)."""
    # The totals count the rows, so the rows come first.
    wrong = _until_right(lambda: _entities(client, reader, settle, repair, say), repair)
    return _until_right(lambda: _totals(client, reader, repair, say), repair) or wrong


def _until_right(look: Callable[[], bool], repair: bool) -> bool:
    return all(look() for _ in range(_LOOKS if repair else 1))


def _entities(
    client: "DynamoDBClient",
    reader: Reader,
    settle: float,
    repair: bool,
    say: Callable[[str], None],
) -> bool:
    doubtful = reader.census().doubtful
    found: Sequence[entities.Fault] = []
    # Most of them the projector is just about to bring up, or changed between two reads.
    for _ in range(_CONFIRMED):
        if not doubtful:
            return False
        time.sleep(settle)
        users = {entity.id for entity in doubtful if entity.kind is Kind.USERS}
        found = entities.faults(doubtful, reader.search_rows(users))
        doubtful = {fault.reading.entity for fault in found}
    for fault in found:
        say(str(fault))
    if repair:
        chunks = batched(found, MAX_ENTITIES, strict=False)
        with ThreadPoolExecutor(_MENDING) as at:
            for failed in at.map(lambda chunk: entities.mend(client, chunk), chunks):
                for entity, error in failed.items():
                    say(f"{row_id(entity)}: not mended: {error!r}")
    return bool(found)


def _totals(
    client: "DynamoDBClient", reader: Reader, repair: bool, say: Callable[[str], None]
) -> bool:
    for _ in range(_LOOKS):
        found = totals.differences(reader)
        if all(difference.missing is not None for difference in found):
            break
    for difference in found:
        say(str(difference))
        if repair:
            totals.mend(client, difference)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
