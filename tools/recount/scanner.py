"""One scan of all tables that finds entities with possibly wrong projections."""

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

# Prefixes of entity rows in `counters`, which also has rows of totals and of other tools.
_KIND_OF_PREFIX = {f"{kind}:": kind for kind in Kind}
_TABLES = {Kind.USERS: tables.users, Kind.ORDERS: tables.orders, Kind.PRODUCTS: tables.products}
# Only entities have this attribute; other rows of their tables do not.
_REQUIRED_ATTRIBUTES = {Kind.USERS: "email", Kind.ORDERS: "lines", Kind.PRODUCTS: "sku"}

type SearchRow = tuple[Sequence[str], str]  # texts and status


@dataclass
class ScanResult:
    """Hashes of all rows: about 300 bytes per entity, and no personal data.

    Search rows of a user are compared by the sum of their hashes, so their order is irrelevant.
    """

    rows: dict[tuple[Kind, str], tuple[int, int] | None] = field(default_factory=dict)
    search_hashes: Counter[str] = field(default_factory=Counter)
    suspects: set[Entity] = field(default_factory=set)


class Scanner:
    """Scans of whole tables at a limited rate."""

    def __init__(self, client: "DynamoDBClient", rate: Rate, segments: int) -> None:
        self._client = client
        self._rate = rate
        self._segments = segments

    def scan(self) -> ScanResult:
        """Scan projections before entities: a row's entity is then found later, or is deleted."""
        found = ScanResult()
        self.for_each_page(tables.search(), partial(_add_search_rows, found))
        self.for_each_page(tables.counters(), partial(_add_rows, found))
        for kind in Kind:
            self.for_each_page(_TABLES[kind](), partial(_compare, found, kind))
        # The remaining rows belong to no entity.
        found.suspects |= {Entity(*key) for key, row in found.rows.items() if row is not None}
        found.suspects |= {
            Entity(Kind.USERS, id_) for id_, sum_ in found.search_hashes.items() if sum_
        }
        return found

    def search_rows(self, users: Collection[str]) -> Mapping[str, Mapping[str, SearchRow]]:
        """Return the search rows of these users by user and trigram."""
        found: dict[str, dict[str, SearchRow]] = {user: {} for user in users}

        def add(items: Iterable[Item]) -> None:
            for item in items:
                if item["user_id"] in found:
                    row = tuple(item["texts"]), item["status"]
                    found[item["user_id"]][item["gram"]] = row

        if found:
            self.for_each_page(tables.search(), add)
        return found

    def for_each_page(self, table: str, add: Callable[[Sequence[Item]], None]) -> None:
        expected = self._client.describe_table(TableName=table)["Table"]["ItemCount"]
        adding = threading.Lock()

        def work(segment: Segment) -> None:
            for items, _ in pages(self._client, table, segment, self._rate):
                with adding:
                    add(items)
                progress.add(len(items))

        with Progress(table, expected) as progress:
            in_segments(self._segments, work, self._rate)


def entity_key(row: Item) -> tuple[Kind, str] | None:
    """Return kind and id of an entity's row in `counters`, or None for other rows."""
    for start, kind in _KIND_OF_PREFIX.items():
        if row["id"].startswith(start):
            return kind, row["id"].removeprefix(start)
    return None


def _add_search_rows(found: ScanResult, items: Iterable[Item]) -> None:
    for item in items:
        found.search_hashes[item["user_id"]] += _hash(item["gram"], item["texts"], item["status"])


def _add_rows(found: ScanResult, items: Iterable[Item]) -> None:
    for item in items:
        key = entity_key(item)
        if key is not None:
            row = as_projected(item)
            found.rows[key] = None if isinstance(row, Deleted) or row is None else _summary(row)
            if isinstance(row, Deleted) and search_writes_of(item):
                found.suspects.add(Entity(*key))


def _compare(found: ScanResult, kind: Kind, items: Iterable[Item]) -> None:
    for item in items:
        if _REQUIRED_ATTRIBUTES[kind] not in item:
            continue
        entity = Entity(kind, item["id"], item["user_id"] if kind is Kind.ORDERS else None)
        state = state_of(entity, item)
        assert state is not None
        version, summary = found.rows.pop((kind, entity.id), None) or (0, 0)
        search_hashes = found.search_hashes.pop(entity.id, 0) if kind is Kind.USERS else 0
        expected = sum(_hash(gram, state.texts, state.status) for gram in grams_of(state.texts))
        # Changes that no list shows, such as sales, leave the row at an earlier version.
        if version > state.version or summary != _summary(state)[1] or search_hashes != expected:
            found.suspects.add(entity)


def _summary(state: State) -> tuple[int, int]:
    return state.version, hash((state.status, tuple(state.texts)))


def _hash(gram: str, texts: Sequence[str], status: str) -> int:
    return hash((gram, tuple(texts), status))
