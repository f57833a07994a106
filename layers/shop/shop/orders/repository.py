"""Orders in DynamoDB: under their user, newest last, beside a summary item that counts them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from shop.clients import dynamodb
from shop.clock import to_text
from shop.correlation import correlation_id
from shop.dynamo import actions, records, tables, totals, transactions
from shop.dynamo.actions import Increment, absent, compares, equals, exists, has_type, negated
from shop.dynamo.codec import Item, decode, encode
from shop.dynamo.listing import IndexQuery, KeyRange
from shop.dynamo.reads import batch_get
from shop.dynamo.sort_keys import amount_key, shard_key, shard_keys
from shop.errors import AccountInactive, Forbidden, NotFound
from shop.idempotency import Record
from shop.identity.accounts.admin_check import CALLER, check_admin
from shop.identity.accounts.models import UserStatus
from shop.orders.items import AFTER_EVERY_ID, find_order, order_from_item
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.pagination import IndexPage, PageRequest
from shop.products.items import product_from_item
from shop.products.models import Product, ProductStatus
from shop.retries import StaleVersion

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef as Action

SCHEMA_VERSION = 2  # of orders: version 2 added the keys of the lists
_SUMMARY_SCHEMA_VERSION = 1
_SUMMARY = "summary"


class OrderRepository:
    def read_catalogue(
        self, product_ids: Sequence[str], idempotency_key: str | None
    ) -> tuple[Mapping[str, Product], Record | None]:
        """Return products and record, in one consistent read.

        1 read unit for each product, and 1 for each 4 KB of the record.
        """
        products, idempotency = tables.products(), tables.idempotency()
        found = batch_get(
            {
                products: [{"id": product_id} for product_id in product_ids],
                idempotency: [] if idempotency_key is None else [{"id": idempotency_key}],
            }
        )
        return (
            {item["id"]: product_from_item(item) for item in found[products]},
            records.from_item(found[idempotency][0]) if found[idempotency] else None,
        )

    def find_committed_record(self, idempotency_key: str | None) -> Record | None:
        return records.find_committed_record(idempotency_key)

    def add(self, order: Order, record: Record | None, by_admin: str | None = None) -> None:
        """Write the order, the count of its status and the record, and reserve its stock.

        3 actions, and one for each line, for a record and for an admin; 2 write units for each KB
        of each item.
        """
        try:
            transactions.write(
                {
                    **check_admin(by_admin),
                    "user": _check_user_active(order.user_id),
                    **{
                        f"product#{line.product_id}": _reserve_stock(line, order.created_at)
                        for line in order.lines
                    },
                    "order": _put(order),
                    "summary": _count(order.user_id, {order.status: 1}),
                    **records.put(record),
                }
            )
        except transactions.ConditionFailed as failed:
            if CALLER in failed.old:
                raise Forbidden from None
            if "user" in failed.old:
                raise (AccountInactive if failed.old["user"] else NotFound) from None
            raise StaleVersion from None

    def get(self, user_id: str, order_id: str) -> Order | None:
        """Return the order, or None. 1 read unit for each 4 KB."""
        return find_order(user_id, order_id)

    def save(
        self,
        before: Order,
        after: Order,
        returned_lines: Sequence[OrderLine],
        by_admin: str | None = None,
        is_by_owner: bool = False,
    ) -> None:
        """Write the order and the count of its status, and return the stock of the lines.

        1 action, one for a change of status, one for an admin or for an owner's note, and one for
        each returned line; 2 write units for each KB of each item, and 1 read unit for each
        product.
        """
        changes = {**check_admin(by_admin), "order": _update(before, after)}
        has_new_note = after.note is not None and after.note != before.note
        if is_by_owner and has_new_note and by_admin is None:
            changes["user"] = _check_user_exists(after.user_id)
        if after.status is not before.status:
            differences = {before.status: -1, after.status: 1}
            changes["summary"] = _count(after.user_id, differences)
        try:
            transactions.write(changes | _return_stock(returned_lines, after.updated_at))
        except transactions.ConditionFailed as failed:
            if CALLER in failed.old:
                raise Forbidden from None
            raise (NotFound if "user" in failed.old else StaleVersion) from None

    def list_of_user(
        self,
        user_id: str,
        statuses: Sequence[OrderStatus],
        sort: str,
        page_request: PageRequest,
        is_descending: bool,
    ) -> IndexPage[Order]:
        """Return a page of a user's orders.

        1 read unit for each 4 KB for all statuses by time. For other lists, and for page numbers
        above 1, whose offset reads keys only, half a unit for each order and for each status.
        """
        if sort == "createdAt" and len(statuses) == len(OrderStatus) and not page_request.offset:
            return _OF_USER.page([KeyRange(user_id)], page_request, is_descending)
        listing = _OF_USER_BY_STATUS if sort == "createdAt" else _OF_USER_BY_TOTAL
        ranges = [KeyRange(user_id, f"{status}#") for status in statuses]
        return listing.page(
            ranges, page_request, is_descending, lambda order: order.status in statuses
        )

    def list_all(
        self, statuses: Sequence[OrderStatus], page_request: PageRequest, is_descending: bool
    ) -> IndexPage[Order]:
        """Return a page of all users' orders.

        Half a read unit for each 4 KB of each order, and half for each shard of each status.
        """
        ranges = [KeyRange(shard) for status in statuses for shard in shard_keys(status)]
        return _ALL.page(
            ranges, page_request, is_descending, lambda order: order.status in statuses
        )

    def count(self, user_id: str, statuses: Sequence[OrderStatus]) -> int:
        """Count a user's orders with these statuses. 1 read unit for any number of orders."""
        response = dynamodb().get_item(
            TableName=tables.orders(),
            Key=encode({"user_id": user_id, "id": _SUMMARY}),
            ConsistentRead=True,
        )
        summary = decode(response.get("Item", {}))
        return sum(int(summary.get(status, 0)) for status in statuses)

    def count_all(self, statuses: Sequence[OrderStatus]) -> int:
        return totals.read("orders", statuses)


def _check_user_active(user_id: str) -> "Action":
    is_active = equals(status=UserStatus.ACTIVE.value)
    return actions.check(tables.users(), {"id": user_id}, is_active, is_old_returned=True)


def _check_user_exists(user_id: str) -> "Action":
    """Return the check that the user exists.

    API Gateway caches the authorizer's result for 50 s, so an erased user may still write.
    """
    return actions.check(tables.users(), {"id": user_id}, exists("id"))


def _reserve_stock(line: OrderLine, now: datetime) -> "Action":
    """Take the line's pieces, if the product still has the line's price, name and SKU."""
    table, key = tables.products(), {"id": line.product_id}
    is_unchanged = equals(
        status=ProductStatus.ACTIVE.value,
        price=line.unit_price.amount,
        currency=line.unit_price.currency,
        name=line.name,
        sku=line.sku,
    )
    if not line.reserved:
        return actions.check(table, key, is_unchanged, equals(stock=None))
    is_in_stock = compares("stock", ">=", line.reserved)
    sets = _stock_change(-line.reserved, now)
    return actions.update(table, key, is_unchanged, is_in_stock, sets=sets)


def _stock_change(pieces: int, now: datetime) -> Item:
    return {"stock": Increment(pieces), "version": Increment(1), "updated_at": to_text(now)}


def _put(order: Order) -> "Action":
    return actions.put(tables.orders(), order_to_item(order), absent("id"))


def _update(before: Order, after: Order) -> "Action":
    """Set the attributes that can change; keep all others, which newer code may have added."""
    item = order_to_item(after)
    names = (
        *("status", "note", "updated_at", "version", "schema_version", "request_id"),
        *_list_keys(after),
    )
    return actions.update(
        tables.orders(),
        {"user_id": after.user_id, "id": after.id},
        equals(version=before.version),
        sets={name: item[name] for name in names},
    )


def _return_stock(lines: Sequence[OrderLine], now: datetime) -> "dict[str, Action]":
    """Add the pieces of each line to its product, if the product exists and counts its stock.

    A product that is created or deleted, or whose stock starts or stops being counted, between the
    read and the commit fails its condition: no pieces get lost, and no item is created that has a
    stock alone.
    """
    if not lines:
        return {}
    table = tables.products()
    found = batch_get({table: [{"id": line.product_id} for line in lines]})[table]
    counted = {item["id"] for item in found if item["stock"] is not None}
    return {
        f"product#{line.product_id}": (
            _add_stock(line, now) if line.product_id in counted else _check_stock_uncounted(line)
        )
        for line in lines
    }


def _add_stock(line: OrderLine, now: datetime) -> "Action":
    return actions.update(
        tables.products(),
        {"id": line.product_id},
        has_type("stock", "N"),
        sets=_stock_change(line.reserved, now),
    )


def _check_stock_uncounted(line: OrderLine) -> "Action":
    return actions.check(
        tables.products(), {"id": line.product_id}, negated(has_type("stock", "N"))
    )


def _count(user_id: str, differences: Mapping[OrderStatus, int]) -> "Action":
    """Add to the user's number of orders by status."""
    return actions.update(
        tables.orders(),
        {"user_id": user_id, "id": _SUMMARY},
        adds={status.value: difference for status, difference in differences.items()},
        sets={"schema_version": _SUMMARY_SCHEMA_VERSION},
    )


def summary_to_item(user_id: str, counts: Mapping[OrderStatus, int]) -> Item:
    """Return the summary item that `_count` produces for these numbers of orders."""
    item = {"user_id": user_id, "id": _SUMMARY, "schema_version": _SUMMARY_SCHEMA_VERSION}
    return item | {status.value: count for status, count in counts.items()}


def order_to_item(order: Order) -> Item:
    return {
        "user_id": order.user_id,
        "id": order.id,
        "status": order.status.value,
        "currency": order.total.currency,
        "total": order.total.amount,
        "lines": [
            {
                "product_id": line.product_id,
                "sku": line.sku,
                "name": line.name,
                "unit_price": line.unit_price.amount,
                "quantity": line.quantity,
                "taken": line.reserved,
            }
            for line in order.lines
        ],
        "note": order.note,
        "created_at": to_text(order.created_at),
        "updated_at": to_text(order.updated_at),
        "version": order.version,
        "request_id": correlation_id.get(),
        "schema_version": SCHEMA_VERSION,
        **_list_keys(order),
    }


def _list_keys(order: Order) -> Item:
    """Return the order's keys in the indexes of lists; each contains the status."""
    status = order.status.value
    return {
        "status_id": f"{status}#{order.id}",
        "status_total": f"{status}#{amount_key(order.total.amount, order.id)}",
        "status_shard": shard_key(status, order.id),
    }


_KEY = ("user_id", "id")
_OF_USER = IndexQuery(tables.orders, *_KEY, order_from_item, last=AFTER_EVERY_ID)
_OF_USER_BY_STATUS = IndexQuery(
    tables.orders, "user_id", "status_id", order_from_item, "by_status", _KEY
)
_OF_USER_BY_TOTAL = IndexQuery(
    tables.orders, "user_id", "status_total", order_from_item, "by_status_total", _KEY
)
_ALL = IndexQuery(tables.orders, "status_shard", "id", order_from_item, "by_status_shard", _KEY)
