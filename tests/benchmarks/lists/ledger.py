"""The write units that AWS bills, by its published rules, from items before and after each write.

DynamoDB Local reports wrong units: 4 for one small item in a transaction, and 4 for two. The rules:
one unit per KB of the larger of the item before and after; twice that in a transaction, which also
bills its checks. An index is billed, once even in a transaction, when its attributes of the item
change, and twice when its key changes, since that deletes and puts.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations.Writes
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import Any  # Any: items, and arguments of botocore's events

from shop.clients import dynamodb

type Attributes = Mapping[str, Any]

_SINGLE = ("PutItem", "UpdateItem", "DeleteItem")


@dataclass(frozen=True)
class Entry:
    """One write to a table or to one of its indexes."""

    place: str  # `users`, or `users.by_name`
    units: int
    size: int  # bytes


@dataclass
class Ledger:
    entries: list[Entry] = field(default_factory=list)
    calls: int = 0

    @property
    def units(self) -> int:
        return sum(entry.units for entry in self.entries)

    @property
    def in_tables(self) -> int:
        return sum(entry.units for entry in self.entries if "." not in entry.place)


@contextmanager
def billed_writes() -> Iterator[Ledger]:
    """The ledger of one thread."""
    ledger = Ledger()
    pending: list[tuple[str, Attributes, int, Attributes | None]] = []

    def before(params: dict[str, Any], model: Any, **_: object) -> None:
        pending[:] = [
            (table, key, factor, _item(table, key))
            for table, key, factor in _writes(model.name, params)
        ]

    def after(**_: object) -> None:
        ledger.calls += 1
        for table, key, factor, old in pending:
            ledger.entries += _bill(table, old, _item(table, key), factor)

    events = dynamodb().meta.events
    operations = (*_SINGLE, "BatchWriteItem", "TransactWriteItems")
    for operation in operations:
        events.register(f"provide-client-params.dynamodb.{operation}", before)
        events.register(f"after-call.dynamodb.{operation}", after)
    try:
        yield ledger
    finally:
        for operation in operations:
            events.unregister(f"provide-client-params.dynamodb.{operation}", before)
            events.unregister(f"after-call.dynamodb.{operation}", after)


def size_of(item: Attributes) -> int:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html"""
    return sum(len(name.encode()) + _size_of_value(value) for name, value in item.items())


def _size_of_value(typed: Attributes) -> int:
    kind: str
    value: Any
    ((kind, value),) = typed.items()
    match kind:
        case "S":
            return len(str(value).encode())
        case "N":
            digits = value.lstrip("-").replace(".", "").strip("0")
            return ceil(len(digits) / 2) + 1 + int(value.startswith("-"))
        case "B":
            return len(bytes(value))
        case "L":
            return 3 + sum(1 + _size_of_value(element) for element in value)
        case "M":
            return 3 + sum(1 for _ in value) + size_of(value)
        case _:
            return 1


def _writes(operation: str, params: dict[str, Any]) -> Iterator[tuple[str, Attributes, int]]:
    """Yield table, key or item, and the factor of its units."""
    if operation in _SINGLE:
        yield params["TableName"], params.get("Key") or params["Item"], 1
    elif operation == "BatchWriteItem":
        for table, requests in params["RequestItems"].items():
            for request in requests:
                ((kind, write),) = request.items()
                yield table, write["Key" if kind == "DeleteRequest" else "Item"], 1
    else:
        for action in params["TransactItems"]:
            ((_, write),) = action.items()
            yield write["TableName"], write.get("Key") or write["Item"], 2


def _bill(
    table: str, old: Attributes | None, new: Attributes | None, factor: int
) -> Iterator[Entry]:
    name = table.removesuffix("_table")
    size = max(size_of(old or {}), size_of(new or {}))
    yield Entry(name, factor * _kilobytes(size), size)
    description = _description(table)
    table_key = _key_names(description)
    for index in description.get("GlobalSecondaryIndexes", []):
        keys = _key_names(index)
        has_all = index["Projection"]["ProjectionType"] == "ALL"
        kept = None if has_all else {*keys, *table_key}
        was, now = _view(old, keys, kept), _view(new, keys, kept)
        if was == now:
            continue
        is_moved = was and now and [was[key] for key in keys] != [now[key] for key in keys]
        sizes = [size_of(view) for view in (was, now) if view]
        units = [_kilobytes(it) for it in sizes]
        yield Entry(
            f"{name}.{index['IndexName']}", sum(units) if is_moved else max(units), max(sizes)
        )


def _view(item: Attributes | None, keys: list[str], kept: set[str] | None) -> dict[str, Any] | None:
    """Return the attributes of an item in an index."""
    if item is None or any(key not in item for key in keys):
        return None
    return {name: value for name, value in item.items() if kept is None or name in kept}


def _kilobytes(size: int) -> int:
    return max(1, ceil(size / 1024))


def _key_names(described: Mapping[str, Any]) -> list[str]:
    return [element["AttributeName"] for element in described["KeySchema"]]


def _description(table: str) -> Any:
    return dynamodb().describe_table(TableName=table)["Table"]


def _item(table: str, key_or_item: Attributes) -> Attributes | None:
    key = {name: key_or_item[name] for name in _key_names(_description(table))}
    return dynamodb().get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
