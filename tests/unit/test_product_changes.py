"""Product changes merge with concurrent sales and changes, or are rejected."""

from collections.abc import Callable, Collection
from copy import replace
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from shop.errors import (
    Detail,
    Forbidden,
    InsufficientStock,
    NotFound,
    PreconditionFailed,
    ServiceUnavailable,
    ShopError,
    SkuInUse,
    ValidationFailed,
)
from shop.http.response import Response
from shop.idempotency import KEPT_FOR, IdempotentRequest, Record, Replayed
from shop.identifiers import new_id
from shop.money import Money
from shop.pagination import IndexPage, PageRequest
from shop.preconditions import Precondition
from shop.products.models import MAX_STOCK, Product, ProductStatus
from shop.products.requests import ProductCreate, ProductUpdate
from shop.products.service import ProductService
from shop.retries import StaleVersion
from tests.support.fixtures import ADMIN, ALICE, NOON

EURO = Money(Decimal("19.90"), "EUR")
PEAR = Product(new_id(), "PEAR", "A pear", EURO, 10, ProductStatus.ACTIVE, NOON, NOON, 1)
CREATED = Response(201, {}, "created")
FIRST = Precondition(frozenset({'"1"'}))


class FakeProductStore:
    """One product in memory; `meanwhile` runs between a read and its write."""

    def __init__(self, product: Product | None = PEAR, *meanwhile: Product | None) -> None:
        self.product = product
        self.meanwhile = list(meanwhile)
        self.writes: list[tuple[set[str], int, int | None]] = []
        self.by_admin: list[str | None] = []
        self.keys: list[tuple[str, str | None]] = []
        self.records: list[Record | None] = []
        self.committed_record: Record | None = None
        self.rejection: Exception | None = None  # of the next creation

    def find_record(self, idempotency_key: str | None) -> Record | None:
        self.keys.append(("record", idempotency_key))
        return None

    def find_committed_record(self, idempotency_key: str | None) -> Record | None:
        self.keys.append(("committed record", idempotency_key))
        return self.committed_record

    def add(self, product: Product, record: Record | None, by_admin: str | None = None) -> None:
        self.by_admin.append(by_admin)
        self.records.append(record)
        if self.rejection is not None:
            raise self.rejection

    def get(self, product_id: str) -> Product | None:
        return self.product

    def list(
        self, status: ProductStatus, sort: str, page_request: PageRequest, is_descending: bool
    ) -> IndexPage[Product]:
        raise NotImplementedError

    def count(self, status: ProductStatus) -> int:
        raise NotImplementedError

    def save(
        self,
        before: Product,
        after: Product,
        named: Collection[str],
        stock_delta: int,
        version: int | None,
        by_admin: str | None = None,
    ) -> None:
        self.by_admin.append(by_admin)
        self.writes.append((set(named), stock_delta, version))
        self._overtake()
        self.product = replace(after, version=before.version + 1)

    def delete(self, product: Product, version: int | None, by_admin: str | None = None) -> None:
        self.by_admin.append(by_admin)
        self.writes.append((set(), 0, version))
        self._overtake()
        self.product = None

    def _overtake(self) -> None:
        if self.meanwhile:
            self.product = self.meanwhile.pop(0)
            raise StaleVersion


def product_service(store: FakeProductStore) -> ProductService:
    return ProductService(store, lambda: NOON, new_id)


def create(store: FakeProductStore, idempotency: IdempotentRequest) -> Product:
    payload = ProductCreate.model_validate(
        {"sku": "PLUM", "name": "A plum", "price": "1.00", "currency": "EUR", "stock": 1},
        strict=False,
    )
    return product_service(store).create(ADMIN, payload, idempotency)


def patch(**changes: object) -> ProductUpdate:
    return ProductUpdate.model_validate(changes, strict=False)


def update(
    store: FakeProductStore, precondition: Precondition | None = None, **changes: object
) -> Product:
    return product_service(store).update(
        ADMIN, PEAR.id, patch(**changes), precondition or Precondition()
    )


def test_first_write_has_the_named_fields_and_the_version_read() -> None:
    store = FakeProductStore()

    changed = update(store, price="20.00", status="inactive")

    assert changed.price == Money(Decimal("20.00"), "EUR")
    assert (changed.status, changed.version) == (ProductStatus.INACTIVE, 2)
    assert store.writes == [({"price", "status"}, 0, 1)]


def test_currency_can_change_alone() -> None:
    assert update(FakeProductStore(), currency="USD").price == Money(Decimal("19.90"), "USD")


@pytest.mark.parametrize(
    ("stored", "changes", "field"),
    [
        (Money(Decimal("120.00"), "JPY"), {"price": "120.50"}, "body.price"),
        (Money(Decimal("19.90"), "EUR"), {"currency": "JPY"}, "body.currency"),
    ],
)
def test_price_keeps_to_the_decimals_of_the_stored_currency(
    stored: Money, changes: dict[str, Any], field: str
) -> None:
    store = FakeProductStore(replace(PEAR, price=stored))

    with pytest.raises(ValidationFailed) as rejection:
        update(store, **changes)

    message = "Must end in .00: JPY has no decimals."
    assert rejection.value.details == (Detail(field, "amount_precision", message),)
    assert store.writes == []


def test_price_stored_before_the_rule_outlives_other_changes() -> None:
    old = Money(Decimal("100.50"), "JPY")

    assert update(FakeProductStore(replace(PEAR, price=old)), name="A pear").price == old
    assert update(FakeProductStore(replace(PEAR, price=old)), price="100.00").price.amount == 100


def test_stock_can_become_unlimited() -> None:
    store = FakeProductStore()

    assert update(store, stock=None).stock is None
    assert store.writes == [({"stock"}, 0, 1)]


def test_stock_delta_is_applied_by_the_store() -> None:
    store = FakeProductStore()

    changed = update(store, stockDelta=-10)

    assert (changed.stock, changed.version) == (0, 2)
    assert store.writes == [(set(), -10, 1)]


def test_retry_after_a_stale_version_requires_no_version() -> None:
    store = FakeProductStore(PEAR, replace(PEAR, stock=8, version=2))

    update(store, stockDelta=-3, price="20.00")

    assert store.writes == [({"price"}, -3, 1), ({"price"}, -3, None)]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sku": "PEAR", "name": " A pear ", "price": "19.90", "currency": "EUR"},
        {"stock": 10, "status": "active"},
    ],
)
def test_unchanged_product_is_not_written(changes: dict[str, Any]) -> None:
    store = FakeProductStore()

    assert update(store, **changes) == PEAR
    assert store.writes == []


def test_stock_above_the_maximum_can_be_reduced() -> None:
    store = FakeProductStore(replace(PEAR, stock=MAX_STOCK + 5))

    assert update(store, stockDelta=-1).stock == MAX_STOCK + 4


@pytest.mark.parametrize(
    ("stock", "delta", "error", "code"),
    [
        (10, -11, InsufficientStock, "insufficient_stock"),
        (0, -1, InsufficientStock, "insufficient_stock"),
        (1, MAX_STOCK, ValidationFailed, "stock_too_large"),
        (None, 1, ValidationFailed, "stock_unlimited"),
        (None, -1, ValidationFailed, "stock_unlimited"),
    ],
)
def test_impossible_stock_is_rejected(
    stock: int | None, delta: int, error: type[ShopError], code: str
) -> None:
    store = FakeProductStore(replace(PEAR, stock=stock))

    with pytest.raises(error) as rejection:
        update(store, stockDelta=delta)

    (detail,) = rejection.value.details
    assert (detail.field, detail.code) == ("body.stockDelta", code)
    assert store.writes == []


def test_stock_that_became_impossible_is_rejected() -> None:
    for now, error in ((1, InsufficientStock), (None, ValidationFailed)):
        store = FakeProductStore(PEAR, replace(PEAR, stock=now, version=2))
        with pytest.raises(error):
            update(store, stockDelta=-2)
        assert len(store.writes) == 1


def test_change_with_a_required_version_matches_it_or_is_rejected() -> None:
    store = FakeProductStore()
    assert update(store, FIRST, name="B").version == 2
    assert store.writes == [({"name"}, 0, 1)]

    with pytest.raises(PreconditionFailed):
        update(store, FIRST, stockDelta=-99)
    assert len(store.writes) == 1

    overtaken = FakeProductStore(PEAR, replace(PEAR, version=2))
    with pytest.raises(PreconditionFailed):
        update(overtaken, FIRST, name="B")
    assert len(overtaken.writes) == 1


def test_deletion_with_a_required_version_matches_it_or_is_rejected() -> None:
    store = FakeProductStore(PEAR, replace(PEAR, version=2))

    with pytest.raises(PreconditionFailed):
        product_service(store).delete(ADMIN, PEAR.id, FIRST)

    assert store.writes == [(set(), 0, 1)]


def test_deleted_product_is_not_found() -> None:
    for store in (FakeProductStore(None), FakeProductStore(PEAR, None)):
        with pytest.raises(NotFound):
            update(store, name="B")
    for store in (FakeProductStore(None), FakeProductStore(PEAR, None)):
        with pytest.raises(NotFound):
            product_service(store).delete(ADMIN, PEAR.id, Precondition())


@pytest.mark.usefixtures("no_time_to_retry")
def test_product_change_gets_503_while_the_product_keeps_changing() -> None:
    attempts: list[Callable[[FakeProductStore], object]] = [
        lambda store: update(store, sku="PEAR-2"),
        lambda store: product_service(store).delete(ADMIN, PEAR.id, Precondition()),
    ]
    for attempt in attempts:
        store = FakeProductStore(PEAR, *[PEAR] * 1000)
        with pytest.raises(ServiceUnavailable) as error:
            attempt(store)
        assert error.value.retry_after == 1
        assert len(store.writes) == 1


def test_every_change_of_a_product_checks_the_callers_role() -> None:
    store = FakeProductStore()

    create(store, IdempotentRequest(None, b"", lambda _: CREATED, lambda: NOON))
    update(store, name="B")
    product_service(store).delete(ADMIN, PEAR.id, Precondition())

    assert store.by_admin == [ADMIN.id] * 3


def created_by_an_equal_request(digest: bytes = b"body") -> Record:
    return Record("key", digest, Response(201, {}, "first"), NOON + KEPT_FOR)


@pytest.mark.parametrize("error", [SkuInUse(), Forbidden(), StaleVersion()], ids=repr)
def test_rejected_creation_replays_the_response_of_an_equal_request(error: Exception) -> None:
    store = FakeProductStore()
    store.rejection, store.committed_record = error, created_by_an_equal_request()

    with pytest.raises(Replayed) as replayed:
        create(store, IdempotentRequest("key", b"body", lambda _: CREATED, lambda: NOON))

    assert replayed.value.response.body == "first"
    assert store.keys == [("record", "key"), ("committed record", "key")]


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (SkuInUse(), SkuInUse),
        (Forbidden(), Forbidden),
        (StaleVersion(), ServiceUnavailable),  # the record expired in the meantime
    ],
    ids=repr,
)
def test_rejected_creation_without_a_record_raises(
    error: Exception, raised: type[Exception]
) -> None:
    store = FakeProductStore()
    store.rejection = error

    with pytest.raises(raised):
        create(store, IdempotentRequest("key", b"body", lambda _: CREATED, lambda: NOON))


def test_creation_passes_the_record_of_its_response_to_the_store() -> None:
    store = FakeProductStore()

    create(store, IdempotentRequest("key", b"body", lambda _: CREATED, lambda: NOON, ADMIN.id))
    create(store, IdempotentRequest(None, b"body", lambda _: CREATED, lambda: NOON))

    assert store.records == [Record("key", b"body", CREATED, NOON + KEPT_FOR, ADMIN.id), None]


def test_products_are_changed_and_deleted_by_admins_only() -> None:
    store = FakeProductStore()

    with pytest.raises(Forbidden):
        product_service(store).update(ALICE, PEAR.id, patch(name="B"), Precondition())
    with pytest.raises(Forbidden):
        product_service(store).delete(ALICE, PEAR.id, Precondition())
    assert store.writes == []


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"stock": 1, "stockDelta": 1}, ("stock",)),
        ({"stock": None, "stockDelta": 1}, ("stock",)),
        ({"stockDelta": 0}, ("stockDelta",)),
        ({"stockDelta": None}, ("stockDelta",)),
        ({"stockDelta": MAX_STOCK + 1}, ("stockDelta",)),
        ({"stockDelta": -MAX_STOCK - 1}, ("stockDelta",)),
        ({"stock": MAX_STOCK + 1}, ("stock",)),
        ({"sku": None}, ("sku",)),
    ],
)
def test_invalid_change_is_rejected(changes: dict[str, object], place: tuple[str]) -> None:
    with pytest.raises(ValidationError) as rejection:
        patch(**changes)

    assert [error["loc"] for error in rejection.value.errors()] == [place]
