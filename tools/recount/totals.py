"""Comparison of totals with the rows that they count, during live traffic."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shop.dynamo import tables
from shop.dynamo.codec import Item, encode
from shop.dynamo.reads import batch_get
from shop.dynamo.sort_keys import shard_keys
from shop.identity.accounts.models import UserStatus
from shop.orders.models import OrderStatus
from shop.products.models import ProductStatus
from shop.projections.models import Kind
from tools.recount.scanner import Scanner, entity_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_STATUSES: Mapping[Kind, Iterable[str]] = {
    Kind.USERS: UserStatus,
    Kind.ORDERS: OrderStatus,
    Kind.PRODUCTS: ProductStatus,
}


@dataclass(frozen=True)
class Difference:
    """Counts to add to the totals of a kind; None if the totals changed during the scan."""

    kind: Kind
    missing: Mapping[str, int] | None
    changes: int | None  # of the first totals row, as read

    def __str__(self) -> str:
        if self.missing is None:
            return f"totals of {self.kind}: not compared, since they changed during the scan"
        parts = [f"{-count:+,} {status}" for status, count in self.missing.items()]
        return f"totals of {self.kind}: {', '.join(parts)}"


def find_differences(scanner: Scanner) -> Sequence[Difference]:
    """Return exact differences, only for kinds with unchanged totals during the scan.

    A total and its rows change in one transaction, so their difference is constant.
    """
    before = _read_totals()
    counted: dict[Kind, Counter[str]] = {kind: Counter() for kind in Kind}

    def add(items: Iterable[Item]) -> None:
        for item in items:
            key = entity_key(item)
            if key is not None and not item.get("deleted"):
                counted[key[0]][item["status"]] += 1

    scanner.for_each_page(tables.counters(), add)
    after = _read_totals()
    found = []
    for kind in Kind:
        rows = after[kind]
        missing = {
            status: counted[kind][status] - sum(int(row.get(status, 0)) for row in rows)
            for status in map(str, _STATUSES[kind])
        }
        first = next((row for row in rows if row["id"] == shard_keys(kind)[0]), {})
        changes = int(first["changes"]) if "changes" in first else None
        if before[kind] != rows:
            found.append(Difference(kind, None, None))
        elif any(missing.values()):
            missing = {status: count for status, count in missing.items() if count}
            found.append(Difference(kind, missing, changes))
    return found


def repair(client: "DynamoDBClient", difference: Difference) -> None:
    """Add the missing counts, unless that row changed: another repair may have been faster."""
    if difference.missing is None:
        return
    updates = {f"#{status}": status for status in difference.missing}
    values = {f":{status}": count for status, count in difference.missing.items()}
    is_as_read = "attribute_not_exists(changes)"
    if difference.changes is not None:
        is_as_read = "changes = :seen"
        values[":seen"] = difference.changes
    added = ", ".join(f"#{status} :{status}" for status in difference.missing)
    try:
        client.update_item(
            TableName=tables.counters(),
            Key=encode({"id": shard_keys(difference.kind)[0]}),
            UpdateExpression=f"ADD {added}, changes :one SET schema_version = :one",
            ConditionExpression=is_as_read,
            ExpressionAttributeNames=updates,
            ExpressionAttributeValues=encode(values | {":one": 1}),
        )
    except client.exceptions.ConditionalCheckFailedException:
        return  # the next pass checks it


def _read_totals() -> Mapping[Kind, Sequence[Item]]:
    keys = {kind: shard_keys(kind) for kind in Kind}
    found = {}
    for kind, ids in keys.items():
        rows = batch_get({tables.counters(): [{"id": id_} for id_ in ids]})[tables.counters()]
        found[kind] = sorted(rows, key=lambda row: str(row["id"]))
    return found
