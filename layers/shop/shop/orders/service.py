"""The rules of orders: catalogue prices, stock reserved all or nothing and returned once."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from copy import replace
from typing import TYPE_CHECKING, Any, Protocol  # changed fields are of several types

from shop.caller import Caller, require
from shop.clock import Clock
from shop.errors import (
    CurrencyMismatch,
    Detail,
    Forbidden,
    InsufficientStock,
    InvalidTransition,
    NotFound,
    ProductUnavailable,
    ShopError,
    ValidationFailed,
)
from shop.feature_flags import require_enabled
from shop.idempotency import IdempotentRequest, Record
from shop.identifiers import NewId
from shop.metrics import count, measure
from shop.money import Money
from shop.orders.fulfilment import Fulfilment, FulfilmentFailed
from shop.orders.models import TRANSITIONS, Order, OrderLine, OrderStatus
from shop.pagination import IndexPage, PageRequest, PageResult
from shop.preconditions import Precondition
from shop.products.models import Product
from shop.retries import retry_stale

if TYPE_CHECKING:
    from shop.orders.requests import AllOrdersQuery, OrderListQuery, OrderPlace, OrderUpdate


class OrderStore(Protocol):
    def read_catalogue(
        self, product_ids: Sequence[str], idempotency_key: str | None
    ) -> tuple[Mapping[str, Product], Record | None]:
        """Return the products that exist, and the record of an equal request."""

    def find_committed_record(self, idempotency_key: str | None) -> Record | None: ...

    def add(self, order: Order, record: Record | None, by_admin: str | None = None) -> None:
        """Write order, stock, summary and record together, or nothing.

        Raise `NotFound` or `AccountInactive` for the user, `StaleVersion` if a product differs
        from its line or a record is in force, and `Forbidden` if `by_admin` is no active admin.
        """

    def get(self, user_id: str, order_id: str) -> Order | None: ...

    def save(
        self,
        before: Order,
        after: Order,
        returned_lines: Sequence[OrderLine],
        by_admin: str | None = None,
        is_by_owner: bool = False,
    ) -> None:
        """Write the order, the count of its status, and the stock of returned lines, together.

        A line's pieces return to its product if that exists and counts its stock. Raise
        `StaleVersion`, `Forbidden` as above, and `NotFound` if an owner who has been erased writes
        a note.
        """

    def list_of_user(
        self,
        user_id: str,
        statuses: Sequence[OrderStatus],
        sort: str,
        page_request: PageRequest,
        is_descending: bool,
    ) -> IndexPage[Order]:
        """List orders by `createdAt` or `total`."""

    def list_all(
        self, statuses: Sequence[OrderStatus], page_request: PageRequest, is_descending: bool
    ) -> IndexPage[Order]:
        """List orders by creation time."""

    def count(self, user_id: str, statuses: Sequence[OrderStatus]) -> int: ...

    def count_all(self, statuses: Sequence[OrderStatus]) -> int: ...


class OrderService:
    def __init__(self, orders: OrderStore, clock: Clock, new_id: NewId) -> None:
        self._orders = orders
        self._clock = clock
        self._new_id = new_id

    def place(
        self, caller: Caller, user_id: str, payload: "OrderPlace", idempotency: IdempotentRequest
    ) -> Order:
        caller = caller.within("orders:write", "admin:orders:write")
        require(caller.may_act_for(user_id))
        require_enabled("ORDERING", "Ordering is switched off for now.")
        quantities = _merged_quantities(payload)

        def place() -> Order:
            products, record = self._orders.read_catalogue(list(quantities), idempotency.key)
            idempotency.replay_if_recorded(record)
            try:
                order = self._order(user_id, _lines(payload, quantities, products), payload.note)
                record = idempotency.response_record(order)
                self._orders.add(order, record, _acting_admin(caller, user_id))
            except ShopError as error:
                # An equal request may have reserved the last piece since: replay its response.
                record = self._orders.find_committed_record(idempotency.key)
                idempotency.replay_if_recorded(record)
                if isinstance(error, InsufficientStock):
                    count("StockRefusals")
                raise
            return order

        order = retry_stale(place)
        count("OrdersPlaced")
        measure("OrderValue", float(order.total.amount), currency=order.total.currency)
        return order

    def update(
        self,
        caller: Caller,
        user_id: str,
        order_id: str,
        payload: "OrderUpdate",
        precondition: Precondition,
    ) -> Order:
        """Change status or note: admins in any status, owners while the order is pending.

        Owners may only cancel and edit the note. Without a precondition, concurrent changes of
        others are kept.
        """
        caller = caller.within("orders:write", "admin:orders:write")
        require(caller.may_act_for(user_id))
        changes = payload.changes()
        if not caller.is_admin and changes.get("status") not in (None, OrderStatus.CANCELLED):
            raise Forbidden("Only an admin gives an order this status.")

        def change(order: Order) -> Order:
            precondition.check(order.version)
            return _changed(order, changes, is_owner=not caller.is_admin)

        def by_admin(order: Order) -> str | None:
            if _owner_may_change(order, changes):
                return _acting_admin(caller, user_id)
            return caller.admin_id

        return self._change(user_id, order_id, change, by_admin, is_by_owner=caller.id == user_id)

    def start_processing(self, user_id: str, order_id: str, fulfilment: Fulfilment) -> None:
        """Move an accepted order to processing; raise `FulfilmentFailed`."""

        def accepted(order: Order) -> OrderStatus:
            try:
                fulfilment.accept(order)
            except Exception as error:
                raise FulfilmentFailed from error
            return OrderStatus.PROCESSING

        self._settle(user_id, order_id, accepted)

    def cancel_unfulfilled(self, user_id: str, order_id: str) -> None:
        """Cancel an order that the fulfilment provider never accepted."""
        self._settle(user_id, order_id, lambda _: OrderStatus.CANCELLED)

    def list(self, caller: Caller, user_id: str, query: "OrderListQuery") -> PageResult[Order]:
        caller = caller.within("orders:read", "admin:orders:read")
        require(caller.may_act_for(user_id))
        name = f"orders of {user_id}"
        statuses = _statuses(query.status)
        page = self._orders.list_of_user(
            user_id, statuses, query.sort_field, query.page_request(name), query.is_descending
        )
        return query.page_result(name, page, self._orders.count(user_id, statuses))

    def list_all(self, caller: Caller, query: "AllOrdersQuery") -> PageResult[Order]:
        caller = caller.within(None, "admin:orders:read")
        require(caller.is_admin)
        name = "orders of everyone"
        statuses = _statuses(query.status)
        page = self._orders.list_all(statuses, query.page_request(name), query.is_descending)
        return query.page_result(name, page, self._orders.count_all(statuses))

    def _settle(self, user_id: str, order_id: str, become: Callable[[Order], OrderStatus]) -> None:
        """Change a pending order; do nothing for any other, so that it happens once."""

        def change(order: Order) -> Order:
            if order.status is not OrderStatus.PENDING:
                return order
            return replace(order, status=become(order))

        with suppress(NotFound):
            self._change(user_id, order_id, change)

    def _change(
        self,
        user_id: str,
        order_id: str,
        change: Callable[[Order], Order],
        by_admin: Callable[[Order], str | None] = lambda _: None,
        is_by_owner: bool = False,
    ) -> Order:
        """Apply `change` to the current order and save it; retry after concurrent changes.

        `by_admin` returns the id of the admin whose role the change requires, or None.
        """

        def save() -> Order:
            order = self._get(user_id, order_id)
            changed = change(order)
            if changed == order:
                return order
            changed = replace(changed, updated_at=self._clock(), version=order.version + 1)
            lines = _returned_lines(order, changed)
            self._orders.save(order, changed, lines, by_admin(order), is_by_owner)
            return changed

        return retry_stale(save)

    def _get(self, user_id: str, order_id: str) -> Order:
        order = self._orders.get(user_id, order_id)
        if order is None:
            raise NotFound
        return order

    def _order(self, user_id: str, lines: Sequence[OrderLine], note: str | None) -> Order:
        now = self._clock()
        return Order(
            id=self._new_id(),
            user_id=user_id,
            status=OrderStatus.PENDING,
            total=_total(lines),
            lines=lines,
            note=note,
            created_at=now,
            updated_at=now,
            version=1,
        )


def _statuses(status: OrderStatus | None) -> Sequence[OrderStatus]:
    return tuple(OrderStatus) if status is None else (status,)


def _changed(order: Order, changes: Mapping[str, Any], is_owner: bool) -> Order:
    """Return the changed order; raise `InvalidTransition`, also for its current status."""
    if changes and is_owner and not _owner_may_change(order, changes):
        raise InvalidTransition(
            f"This order is {order.status}. You may cancel it and edit its note while it is"
            f" {OrderStatus.PENDING}."
        )
    if "status" in changes and changes["status"] not in TRANSITIONS[order.status]:
        raise InvalidTransition(
            f"This order is {order.status} and cannot become {changes['status']}."
        )
    return replace(order, **changes)


def _owner_may_change(order: Order, changes: Mapping[str, Any]) -> bool:
    """Return whether the changes only cancel a pending order or edit its note."""
    new_status = changes.get("status", OrderStatus.CANCELLED)
    return order.status is OrderStatus.PENDING and new_status is OrderStatus.CANCELLED


def _acting_admin(caller: Caller, user_id: str) -> str | None:
    """Return the caller's id for an admin acting for another user, else None."""
    return None if caller.id == user_id else caller.admin_id


def _returned_lines(before: Order, after: Order) -> list[OrderLine]:
    """Return the lines that return reserved stock: those of an order that becomes cancelled."""
    if after.status is before.status or after.status is not OrderStatus.CANCELLED:
        return []
    return [line for line in before.lines if line.reserved]


def _merged_quantities(payload: "OrderPlace") -> dict[str, int]:
    """Return quantities by product, in the order of the lines; merge lines of one product."""
    quantities: dict[str, int] = {}
    for line in payload.items:
        quantities[line.product_id] = quantities.get(line.product_id, 0) + line.quantity
    return quantities


def _lines(
    payload: "OrderPlace", quantities: Mapping[str, int], products: Mapping[str, Product]
) -> list[OrderLine]:
    def is_short(product_id: str) -> bool:
        stock = products[product_id].stock
        return stock is not None and stock < quantities[product_id]

    _reject_lines(
        ProductUnavailable,
        payload,
        lambda product_id: product_id not in products or not products[product_id].is_for_sale,
        Detail("productId", "product_unavailable", "This product is not for sale."),
    )
    if len({products[product_id].price.currency for product_id in quantities}) > 1:
        raise CurrencyMismatch
    _reject_lines(
        InsufficientStock,
        payload,
        is_short,
        Detail("quantity", "insufficient_stock", "There are not as many in stock."),
    )
    return [_line(products[product_id], quantity) for product_id, quantity in quantities.items()]


def _line(product: Product, quantity: int) -> OrderLine:
    return OrderLine(
        product_id=product.id,
        sku=product.sku,
        name=product.name,
        unit_price=product.price,
        quantity=quantity,
        reserved=0 if product.stock is None else quantity,
    )


def _total(lines: Sequence[OrderLine]) -> Money:
    try:
        return Money.total(line.total for line in lines)
    except OverflowError:
        message = "The order's total must be at most 99999999.99."
        raise ValidationFailed(details=[Detail("body.items", "total_too_large", message)]) from None


def _reject_lines(
    error: type[ShopError],
    payload: "OrderPlace",
    is_rejected: Callable[[str], bool],
    detail: Detail,
) -> None:
    """Raise the error with a detail for each rejected line, by its index in the request body."""
    details = [
        detail._replace(field=f"body.items.{index}.{detail.field}")
        for index, line in enumerate(payload.items)
        if is_rejected(line.product_id)
    ]
    if details:
        raise error(details=details)
