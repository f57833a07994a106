"""Whole tables, page by page and in parallel."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shop.dynamo.codec import Item, decode, encode
from tools.tables.rate import Rate

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import ScanInputTypeDef

_AT_ONCE = 100  # items: a crash repeats no more, and the rate waits for no more


@dataclass(frozen=True)
class Segment:
    """One of so many parts of a table that are gone through beside each other."""

    number: int
    of: int


def pages(
    client: "DynamoDBClient",
    table: str,
    segment: Segment,
    rate: Rate,
    after: Item | None = None,
) -> Iterator[tuple[Sequence[Item], Item | None]]:
    """Items, and the key to go on after, or None at the end; 1 read unit for each 4 KB."""
    scan: ScanInputTypeDef = {
        "TableName": table,
        "Segment": segment.number,
        "TotalSegments": segment.of,
        "Limit": _AT_ONCE,
        "ConsistentRead": True,
        "ReturnConsumedCapacity": "TOTAL",
    }
    while True:
        if after is not None:
            scan["ExclusiveStartKey"] = encode(after)
        answer = client.scan(**scan)
        rate.spend(answer["ConsumedCapacity"]["CapacityUnits"])
        last = answer.get("LastEvaluatedKey")
        after = None if last is None else decode(last)
        yield [decode(item) for item in answer["Items"]], after
        if after is None:
            return


def in_segments(number: int, work: Callable[[Segment], None], rate: Rate) -> None:
    """Does the work of each segment in a thread of its own.

    Raises what the first to fail raises, or Ctrl-C; the others end where they next spend.
    """
    with ThreadPoolExecutor(number) as pool:
        running = [pool.submit(work, Segment(it, number)) for it in range(number)]
        try:
            for done in as_completed(running):
                done.result()
        except BaseException:
            rate.stop()
            raise
