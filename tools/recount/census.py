"""One pass over everything, that finds which entities may be listed wrongly."""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from shop.dynamo import tables
from shop.dynamo.codec import Item
from shop.projections.models import Deleted, Entity, Kind, State
from shop.projections.repository import as_projected, search_writes_of, state_of
from shop.search import grams_of
from tools.tables.progress import Progress
from tools.tables.rate import Rate
from tools.tables.scan import Segment, in_segments, pages

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# What tells an entity's row from those of its kind's totals, and from other tools' rows.
_ENTITY = {f"{kind}:": kind for kind in Kind}
_TABLES = {Kind.USERS: tables.users, Kind.ORDERS: tables.orders, Kind.PRODUCTS: tables.products}
# And what tells an entity from the other rows of its table.
_MARKS = {Kind.USERS: "email", Kind.ORDERS: "lines", Kind.PRODUCTS: "sku"}

type SearchRow = tuple[Sequence[str], str]  # texts and status


@dataclass
class Census:
    """Some 300 bytes for each entity, and no text of anybody.

    Search rows are compared by the sum of their hashes, whatever order they come in.
    """

    rows: dict[tuple[Kind, str], tuple[int, int] | None] = field(default_factory=dict)
    searched: Counter[str] = field(default_factory=Counter)
    doubtful: set[Entity] = field(default_factory=set)


class Reader:
    """Goes through whole tables at a rate."""

    def __init__(self, client: "DynamoDBClient", rate: Rate, segments: int) -> None:
        self._client = client
        self._rate = rate
        self._segments = segments

    def census(self) -> Census:
        """Rows before entities: where there is a row, its entity is found after it, or is gone."""
        found = Census()
        self.each(tables.search(), partial(_add_searched, found))
        self.each(tables.counters(), partial(_add_rows, found))
        for kind in Kind:
            self.each(_TABLES[kind](), partial(_compare, found, kind))
        # What is left belongs to no entity.
        found.doubtful |= {Entity(*key) for key, row in found.rows.items() if row is not None}
        found.doubtful |= {Entity(Kind.USERS, id_) for id_, sum_ in found.searched.items() if sum_}
        return found

    def search_rows(self, users: Collection[str]) -> Mapping[str, Mapping[str, SearchRow]]:
        """Of these users, by trigram."""
        found: dict[str, dict[str, SearchRow]] = {user: {} for user in users}

        def add(items: Iterable[Item]) -> None:
            for item in items:
                if item["user_id"] in found:
                    row = tuple(item["texts"]), item["status"]
                    found[item["user_id"]][item["gram"]] = row

        if found:
            self.each(tables.search(), add)
        return found

    def each(self, table: str, add: Callable[[Sequence[Item]], None]) -> None:
        expected = self._client.describe_table(TableName=table)["Table"]["ItemCount"]
        adding = threading.Lock()

        def work(segment: Segment) -> None:
            for items, _ in pages(self._client, table, segment, self._rate):
                with adding:
                    add(items)
                progress.add(len(items))

        with Progress(table, expected) as progress:
            in_segments(self._segments, work, self._rate)


def entity_of_row(row: Item) -> tuple[Kind, str] | None:
    """Whose row of `counters` it is, if it is an entity's."""
    for start, kind in _ENTITY.items():
        if row["id"].startswith(start):
            return kind, row["id"].removeprefix(start)
    return None


def _add_searched(found: Census, items: Iterable[Item]) -> None:
    for item in items:
        found.searched[item["user_id"]] += _hash(item["gram"], item["texts"], item["status"])


def _add_rows(found: Census, items: Iterable[Item]) -> None:
    for item in items:
        key = entity_of_row(item)
        if key is not None:
            row = as_projected(item)
            found.rows[key] = None if isinstance(row, Deleted) or row is None else _summary(row)
            if isinstance(row, Deleted) and search_writes_of(item):
                found.doubtful.add(Entity(*key))


def _compare(found: Census, kind: Kind, items: Iterable[Item]) -> None:
    for item in items:
        if _MARKS[kind] not in item:
            continue
        entity = Entity(kind, item["id"], item["user_id"] if kind is Kind.ORDERS else None)
        state = state_of(entity, item)
        assert state is not None
        version, summary = found.rows.pop((kind, entity.id), None) or (0, 0)
        searched = found.searched.pop(entity.id, 0) if kind is Kind.USERS else 0
        expected = sum(_hash(gram, state.texts, state.status) for gram in grams_of(state.texts))
        # Changes that no list shows, such as sales, leave the row at a version before.
        if version > state.version or summary != _summary(state)[1] or searched != expected:
            found.doubtful.add(entity)


def _summary(state: State) -> tuple[int, int]:
    return state.version, hash((state.status, tuple(state.texts)))


def _hash(gram: str, texts: Sequence[str], status: str) -> int:
    return hash((gram, tuple(texts), status))
