"""Comparison of a table with its copy: missing, changed and new items."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shop.dynamo.codec import Item
from tools.tables.progress import Progress
from tools.tables.rate import Rate
from tools.tables.scan import Segment, in_segments, pages

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_SEGMENTS = 4


@dataclass
class Comparison:
    """Keys of missing and changed items, and counts of the others.

    Names of changed items include a fingerprint of the live item, so a restore rejects an item
    that changed again after the comparison. Comparing takes about 200 bytes per item of the copy.
    """

    missing: list[Item] = field(default_factory=list)
    changed: dict[str, Item] = field(default_factory=dict)  # by name and fingerprint
    new: int = 0
    same: int = 0


class Comparer:
    def __init__(
        self,
        client: "DynamoDBClient",
        rate: Rate,
        keys: Sequence[str],
        name: Callable[[Item], str | None],
    ) -> None:
        """`name` returns None for rows that are not compared."""
        self._client = client
        self._rate = rate
        self._keys = keys
        self._name = name

    def compare(self, table: str, copy: str) -> Comparison:
        was: dict[tuple[str, ...], str] = {}
        found = Comparison()

        def remember(item: Item) -> None:
            was[self._key(item)] = fingerprint(item)

        def compare_item(item: Item) -> None:
            before, now = was.pop(self._key(item), None), fingerprint(item)
            if before is None:
                found.new += 1
            elif before == now:
                found.same += 1
            else:
                key = {name: item[name] for name in self._keys}
                found.changed[versioned_name(self._name(item) or "", now)] = key

        self._scan(copy, remember)
        self._scan(table, compare_item)
        found.missing = [dict(zip(self._keys, key, strict=True)) for key in was]
        return found

    def _key(self, item: Item) -> tuple[str, ...]:
        return tuple(item[name] for name in self._keys)

    def _scan(self, table: str, work: Callable[[Item], None]) -> None:
        expected = self._client.describe_table(TableName=table)["Table"]["ItemCount"]
        working = threading.Lock()

        def compare_segment(segment: Segment) -> None:
            for items, _ in pages(self._client, table, segment, self._rate):
                with working:
                    for item in items:
                        if self._name(item) is not None:
                            work(item)
                progress.add(len(items))

        with Progress(table, expected) as progress:
            in_segments(_SEGMENTS, compare_segment, self._rate)


def versioned_name(name: str, fingerprint: str) -> str:
    return f"{name}~{fingerprint}"


def fingerprint(item: Item) -> str:
    """Return 48 bits of a hash, enough to distinguish versions of one item."""
    return hashlib.sha256(_canonical(item).encode()).hexdigest()[:12]


def _canonical(value: object) -> str:
    """Return equal texts for equal values: maps and sets have no order, and 1.0 is 1."""
    if isinstance(value, dict):
        return f"{{{','.join(f'{name!r}:{_canonical(value[name])}' for name in sorted(value))}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_canonical, value))}]"
    if isinstance(value, frozenset):
        return f"<{','.join(sorted(map(_canonical, value)))}>"
    return f"{type(value).__name__}:{value}"
