"""Lists in the order of an index: ranges of it merged, from any position on.

A position is what follows the range's prefix in the sort key, so one position leads into all
ranges at once, also when the row that it was taken from is gone.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice, takewhile
from math import ceil, sqrt
from typing import TYPE_CHECKING

from shop.clients import dynamodb
from shop.dynamo.codec import Item, decode, encode
from shop.dynamo.reads import batch_get
from shop.dynamo.sort_keys import AFTER_EVERY_TEXT
from shop.gather import gather
from shop.pagination import IndexPage, PageRequest

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef, QueryOutputTypeDef

_NO_END = 1_000_000_000  # rows


@dataclass
class ReadBudget:
    """How many rows may still be read of an index; a walk stops where it is when none may."""

    rows: int
    ended: bool = False


@dataclass
class _Progress:
    """Of all ranges together: how many rows are likely to be taken, and how many were."""

    wanted: int
    taken: int = 0

    def still(self, seen: int, limit: int) -> int:
        """How many more to ask of a range that gave `seen` of them, its last query `limit`."""
        lacking = self.wanted - self.taken
        if lacking <= 0 or not seen:
            return limit * 2
        return min(limit * 2, _likely(lacking * seen / self.taken))


@dataclass(frozen=True)
class KeyRange:
    """The rows of a partition whose sort keys begin with `prefix`, ordered by what follows it."""

    partition: str
    prefix: str = ""


@dataclass(frozen=True)
class IndexQuery[T]:
    """One order of a table's items: the table's own, or that of an index."""

    table: Callable[[], str]
    partition_key: str
    sort_key: str
    read: Callable[[Item], T]
    index: str | None = None
    table_key: tuple[str, ...] = ()  # by which items are loaded, where the index has keys only
    last: str = AFTER_EVERY_TEXT  # no position of the list is greater
    is_consistent: bool = True  # where the list is the table's own; an index never is

    def page(
        self,
        ranges: Sequence[KeyRange],
        span: PageRequest,
        descends: bool,
        shows: Callable[[T], bool] = lambda _: True,
    ) -> IndexPage[T]:
        """The rows of a span, without those that have changed since the index saw them.

        Half a read unit for each 4 KB of the span and of what it skips (a whole one from the
        table itself, which is consistent), at least half for each range, and half for each item
        loaded. The depth of a position costs nothing.
        """
        wanted = span.skipped + span.limit + 1
        rows = islice(self.rows(ranges, span.after, descends, wanted), span.skipped, None)
        found: list[tuple[str, T]] = []
        while len(found) < span.limit:
            chunk = list(islice(rows, span.limit - len(found)))
            if not chunk:
                return IndexPage([item for _, item in found], None)
            loaded = self._load([item for _, item in chunk])
            found += [
                (position, item)
                for (position, _), item in zip(chunk, loaded, strict=True)
                if item is not None and shows(item)
            ]
        next_position = None if next(rows, None) is None else found[-1][0]
        return IndexPage([item for _, item in found], next_position)

    def rows(
        self,
        ranges: Sequence[KeyRange],
        after: str | None,
        descends: bool,
        wanted: int,
        budget: ReadBudget | None = None,
    ) -> Iterator[tuple[str, Item]]:
        """Positions and items in order; `wanted` says how many are likely to be taken."""
        budget = budget or ReadBudget(_NO_END)
        limit = wanted + (after is not None)  # the row at the position itself comes along
        if len(ranges) > 1:
            limit = _likely(wanted / len(ranges))
            # A row is passed on when all ranges have told their next one, so none may take all.
            limit = min(limit, max(1, budget.rows // (2 * len(ranges))))
        progress = _Progress(wanted)
        queries = {
            range_: query
            for range_ in ranges
            if (query := self._query(range_, after, descends, min(limit, budget.rows)))
        }
        ask = dynamodb().query
        # Each of them is needed before the first row is known: all wait for one round trip.
        answers = gather([partial(ask, **query) for query in queries.values()])
        walks = [
            self._walk(range_, query, answer, after, budget, progress)
            for (range_, query), answer in zip(queries.items(), answers, strict=True)
        ]
        merged = heapq.merge(*walks, key=_position, reverse=descends)
        # An item on its way from one range to another may be in both, at the same position.
        for _, same in groupby(takewhile(lambda _: not budget.ended, merged), _position):
            progress.taken += 1
            yield next(same)

    def _query(
        self, range_: KeyRange, after: str | None, descends: bool, limit: int
    ) -> "QueryInputTypeDef | None":
        """For the rows after a position that may be anything; None if there can be none."""
        first, last = "", self.last
        if after is not None:
            first, last = ("", min(after, last)) if descends else (after, last)
        if first > last:
            return None
        first, last = range_.prefix + first, range_.prefix + last
        bounds = "BETWEEN :first AND :last" if first else "<= :last"
        values = {":partition": range_.partition, ":last": last}
        query: QueryInputTypeDef = {
            "TableName": self.table(),
            "KeyConditionExpression": f"#partition = :partition AND #sort {bounds}",
            "ExpressionAttributeNames": {"#partition": self.partition_key, "#sort": self.sort_key},
            "ExpressionAttributeValues": encode(values | ({":first": first} if first else {})),
            "ScanIndexForward": not descends,
            "ConsistentRead": self.index is None and self.is_consistent,
            "Limit": limit,
        }
        if self.index is not None:
            query["IndexName"] = self.index
        return query

    def _walk(
        self,
        range_: KeyRange,
        query: "QueryInputTypeDef",
        answer: "QueryOutputTypeDef",
        after: str | None,
        budget: ReadBudget,
        progress: _Progress,
    ) -> Iterator[tuple[str, Item]]:
        """Of one range, from the answer to its first query on."""
        seen = 0
        while True:
            budget.rows -= len(answer["Items"])
            for item in map(decode, answer["Items"]):
                position = item[self.sort_key].removeprefix(range_.prefix)
                if position != after:  # both ends of BETWEEN are within it
                    seen += 1
                    yield position, item
            if "LastEvaluatedKey" not in answer:
                return
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
            query["Limit"] = min(progress.still(seen, query["Limit"]), budget.rows)
            if not query["Limit"]:
                budget.ended = True
                return
            answer = dynamodb().query(**query)

    def _load(self, items: Sequence[Item]) -> Sequence[T | None]:
        """Each item whole, or None where it is gone, or where it is among those before it: an index
        may show an item in its old place and its new, and DynamoDB refuses to load it twice.
        """
        if not self.table_key:
            return [self.read(item) for item in items]
        table = self.table()
        keys = {self._key(it): {name: it[name] for name in self.table_key} for it in items}
        found = batch_get({table: [*keys.values()]}, consistent=False)[table]
        by_key = {self._key(item): self.read(item) for item in found}
        return [by_key.pop(self._key(item), None) for item in items]

    def _key(self, item: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(item[name] for name in self.table_key)


def _likely(mean: float) -> int:
    """Ranges are not met evenly: two deviations more spare most of the further queries."""
    return ceil(mean + 2 * sqrt(mean))


def _position(row: tuple[str, Item]) -> str:
    return row[0]
