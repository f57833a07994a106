"""Lists in the order of an index: key ranges merged, from any position.

A position is the part of a sort key after the range's prefix. One position therefore applies to
all ranges, even if the item that it was taken from has been deleted.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby, islice, takewhile
from math import ceil, sqrt
from typing import TYPE_CHECKING, NamedTuple

from shop.clients import dynamodb
from shop.dynamo.codec import Item, decode, encode
from shop.dynamo.reads import batch_get
from shop.dynamo.sort_keys import AFTER_EVERY_TEXT
from shop.gather import gather
from shop.pagination import IndexPage, PageRequest

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef, QueryOutputTypeDef

_UNLIMITED = 1_000_000_000  # rows


class ReadBudget:
    """The number of rows that may still be read of an index; iteration stops at 0."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.is_exhausted = False


class _Progress:
    """The rows of all ranges together: the expected number, and the number consumed so far."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.consumed = 0

    def next_limit(self, seen: int, limit: int) -> int:
        """Return the limit of a range's next query, after `seen` rows and a query of `limit`."""
        remaining = self.expected - self.consumed
        if remaining <= 0 or not seen:
            return limit * 2
        return min(limit * 2, _upper_estimate(remaining * seen / self.consumed))


class KeyRange(NamedTuple):
    """The rows of a partition whose sort keys begin with `prefix`."""

    partition: str
    prefix: str = ""


class IndexQuery[T](NamedTuple):
    """One sort order of a table's items: that of the table itself, or of an index."""

    table: Callable[[], str]
    partition_key: str
    sort_key: str
    read: Callable[[Item], T]
    index_name: str | None = None
    table_key: tuple[str, ...] = ()  # to load the items of an index that projects keys only
    last: str = AFTER_EVERY_TEXT  # no position of the list is greater
    is_consistent: bool = True  # applies to the table itself; reads of an index never are

    def page(
        self,
        ranges: Sequence[KeyRange],
        page_request: PageRequest,
        is_descending: bool,
        is_visible: Callable[[T], bool] = lambda _: True,
    ) -> IndexPage[T]:
        """Return the requested rows, without those that `is_visible` rejects after loading.

        Half a read unit for each 4 KB of the rows read, including those before the offset (a whole
        one from the table itself, whose reads are consistent); at least half for each range; half
        for each item loaded. The depth of a position costs nothing.
        """
        offset = page_request.offset
        expected = offset + page_request.limit + 1
        rows = islice(self.rows(ranges, page_request.after, is_descending, expected), offset, None)
        found: list[tuple[str, T]] = []
        while len(found) < page_request.limit:
            chunk = list(islice(rows, page_request.limit - len(found)))
            if not chunk:
                return _page(found, None)
            loaded = self._load([item for _, item in chunk])
            found += [
                (position, item)
                for (position, _), item in zip(chunk, loaded, strict=True)
                if item is not None and is_visible(item)
            ]
        next_position = None if next(rows, None) is None else found[-1][0]
        return _page(found, next_position)

    def rows(
        self,
        ranges: Sequence[KeyRange],
        after: str | None,
        is_descending: bool,
        expected: int,
        budget: ReadBudget | None = None,
    ) -> Iterator[tuple[str, Item]]:
        """Yield positions and items in order; the caller is likely to consume `expected` rows."""
        budget = budget or ReadBudget(_UNLIMITED)
        limit = expected + (after is not None)  # the row at the position itself is read, too
        if len(ranges) > 1:
            limit = _upper_estimate(expected / len(ranges))
            # The merge needs the next row of every range, so no range may use the whole budget.
            limit = min(limit, max(1, budget.rows // (2 * len(ranges))))
        progress = _Progress(expected)
        queries = {
            range_: query
            for range_ in ranges
            if (query := self._query(range_, after, is_descending, min(limit, budget.rows)))
        }
        # The merge needs the first response of every range: concurrent calls take one round trip.
        responses = gather([partial(dynamodb().query, **query) for query in queries.values()])
        iterators = [
            self._iterate(range_, query, response, after, budget, progress)
            for (range_, query), response in zip(queries.items(), responses, strict=True)
        ]
        merged = heapq.merge(*iterators, key=_position, reverse=is_descending)
        # An item that moves from one range to another may be in both, at the same position.
        for _, same in groupby(takewhile(lambda _: not budget.is_exhausted, merged), _position):
            progress.consumed += 1
            yield next(same)

    def _query(
        self, range_: KeyRange, after: str | None, is_descending: bool, limit: int
    ) -> "QueryInputTypeDef | None":
        """Return the query for the rows after any position, or None if there can be none."""
        first, last = "", self.last
        if after is not None:
            first, last = ("", min(after, last)) if is_descending else (after, last)
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
            "ScanIndexForward": not is_descending,
            "ConsistentRead": self.index_name is None and self.is_consistent,
            "Limit": limit,
        }
        if self.index_name is not None:
            query["IndexName"] = self.index_name
        return query

    def _iterate(
        self,
        range_: KeyRange,
        query: "QueryInputTypeDef",
        response: "QueryOutputTypeDef",
        after: str | None,
        budget: ReadBudget,
        progress: _Progress,
    ) -> Iterator[tuple[str, Item]]:
        """Yield the rows of one range, beginning with the response to its first query."""
        seen = 0
        while True:
            budget.rows -= len(response["Items"])
            for item in map(decode, response["Items"]):
                position = item[self.sort_key].removeprefix(range_.prefix)
                if position != after:  # BETWEEN includes both of its bounds
                    seen += 1
                    yield position, item
            if "LastEvaluatedKey" not in response:
                return
            query["ExclusiveStartKey"] = response["LastEvaluatedKey"]
            query["Limit"] = min(progress.next_limit(seen, query["Limit"]), budget.rows)
            if not query["Limit"]:
                budget.is_exhausted = True
                return
            response = dynamodb().query(**query)

    def _load(self, items: Sequence[Item]) -> Sequence[T | None]:
        """Load each item; None for a deleted item and for a repeated one.

        An index may show an item in its old place and in its new one, and DynamoDB rejects a batch
        with repeated keys.
        """
        if not self.table_key:
            return [self.read(item) for item in items]
        table = self.table()
        keys = {self._key(it): {name: it[name] for name in self.table_key} for it in items}
        found = batch_get({table: [*keys.values()]}, is_consistent=False)[table]
        by_key = {self._key(item): self.read(item) for item in found}
        return [by_key.pop(self._key(item), None) for item in items]

    def _key(self, item: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(item[name] for name in self.table_key)


def _page[T](found: Sequence[tuple[str, T]], next_position: str | None) -> IndexPage[T]:
    positions = tuple(position for position, _ in found)
    return IndexPage([item for _, item in found], next_position, positions)


def _upper_estimate(mean: float) -> int:
    """Return two standard deviations more than the mean.

    Rows are spread unevenly; the surplus avoids most further queries.
    """
    return ceil(mean + 2 * sqrt(mean))


def _position(row: tuple[str, Item]) -> str:
    return row[0]
