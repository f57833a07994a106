"""Parallel scans of whole tables, page by page."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shop.dynamo.codec import Item, decode, encode
from tools.tables.rate import Rate

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import ScanInputTypeDef

_PAGE_SIZE = 100  # items: a crash repeats at most these, and the rate limit waits for at most these


@dataclass(frozen=True)
class Segment:
    """One of `of` parts of a table that are scanned in parallel."""

    number: int
    of: int


def pages(
    client: "DynamoDBClient",
    table: str,
    segment: Segment,
    rate: Rate,
    after: Item | None = None,
) -> Iterator[tuple[Sequence[Item], Item | None]]:
    """Yield items with the key to continue after, or None at the end.

    Costs 1 read unit per 4 KB.
    """
    scan: ScanInputTypeDef = {
        "TableName": table,
        "Segment": segment.number,
        "TotalSegments": segment.of,
        "Limit": _PAGE_SIZE,
        "ConsistentRead": True,
        "ReturnConsumedCapacity": "TOTAL",
    }
    while True:
        if after is not None:
            scan["ExclusiveStartKey"] = encode(after)
        response = client.scan(**scan)
        rate.spend(response["ConsumedCapacity"]["CapacityUnits"])
        last = response.get("LastEvaluatedKey")
        after = None if last is None else decode(last)
        yield [decode(item) for item in response["Items"]], after
        if after is None:
            return


def in_segments(number: int, work: Callable[[Segment], None], rate: Rate) -> None:
    """Process each segment in its own thread.

    Raise the first exception, or KeyboardInterrupt; the other threads end at their next `spend`.
    """
    with ThreadPoolExecutor(number) as pool:
        running = [pool.submit(work, Segment(it, number)) for it in range(number)]
        try:
            for done in as_completed(running):
                done.result()
        except BaseException:
            rate.stop()
            raise
