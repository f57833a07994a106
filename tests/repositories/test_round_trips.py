"""Repositories read items as they stored them, and enforce their conditions one at a time."""

from collections.abc import Callable, Iterator, Mapping
from copy import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

import shop.clients
from shop.caller import Role
from shop.clock import now
from shop.dynamo import records
from shop.dynamo.codec import Item
from shop.dynamo.reads import batch_get
from shop.errors import AccountInactive, EmailInUse, NotFound, SkuInUse
from shop.http.response import Response
from shop.idempotency import KEPT_FOR, IdempotentRequest, Record, Replayed
from shop.identifiers import new_id
from shop.identity.accounts.models import AccountState, UserStatus
from shop.identity.accounts.repository import STATE_ID
from shop.identity.login_attempts.service import login_attempt
from shop.identity.sessions import repository as sessions
from shop.identity.sessions.models import RefreshDigests, Session
from shop.identity.sessions.repository import SessionRepository
from shop.money import Money
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.orders.repository import OrderRepository
from shop.pagination import PageRequest
from shop.products.models import Product, ProductStatus
from shop.products.repository import ProductRepository
from shop.retries import StaleVersion
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import ALICE, NOON

USER = User(
    ALICE.id, "ada@example.com", "Ada", UserStatus.ACTIVE, Role.CUSTOMER, False, NOON, NOON, 1
)
UNSEEN = login_attempt("ada@example.com", "192.0.2.1")
PRICE = Money(Decimal("19.90"), "EUR")


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


def product(stock: int | None = 10) -> Product:
    product_id = new_id()
    active = ProductStatus.ACTIVE
    return Product(product_id, f"SKU-{product_id}", "A pear", PRICE, stock, active, NOON, NOON, 1)


def order(of: Product, quantity: int = 1, note: str | None = None) -> Order:
    reserved = 0 if of.stock is None else quantity
    line = OrderLine(of.id, of.sku, of.name, of.price, quantity, reserved)
    pending = OrderStatus.PENDING
    return Order(new_id(), ALICE.id, pending, line.total, [line], note, NOON, NOON, 1)


def idempotency(key: str) -> IdempotentRequest:
    return IdempotentRequest(
        key, b"digest", lambda _: Response(201, {"ETag": '"1"'}, "é"), lambda: NOON
    )


def keep(kept: Product) -> Product:
    ProductRepository().add(kept, None)
    return kept


def test_user_is_stored_with_credential_and_account_state() -> None:
    UserRepository().add(USER, "hash")

    assert UserRepository().get(USER.id) == USER
    assert UserRepository().get(new_id()) is None
    credential, _ = SessionRepository().find_credential("ada@example.com", UNSEEN)
    assert credential is not None
    assert (credential.user_id, credential.password_hash) == (USER.id, "hash")
    assert SessionRepository().of_user(USER.id)[1] == AccountState(
        USER.id, 1, UserStatus.ACTIVE, Role.CUSTOMER
    )


def test_second_user_of_an_email_writes_nothing() -> None:
    UserRepository().add(USER, "hash")
    second = replace(USER, id=new_id())

    with pytest.raises(EmailInUse):
        UserRepository().add(second, "other")

    assert UserRepository().get(second.id) is None
    assert SessionRepository().of_user(second.id) == ([], None)


def test_session_is_read_with_its_account_state() -> None:
    UserRepository().add(USER, "hash")
    later = NOON + timedelta(days=30)
    digests = RefreshDigests(b"family", b"current", b"salt")
    session = Session(
        *(USER.id, new_id(), 1, digests, NOON, NOON, later, later, "a browser", "192.0.2.1")
    )

    assert SessionRepository().begin(session, USER.email, "hash", None, UNSEEN.opened(NOON))

    assert SessionRepository().with_account_state(USER.id, session.id) == (
        session,
        AccountState(USER.id, 1, UserStatus.ACTIVE, Role.CUSTOMER),
    )
    assert SessionRepository().with_account_state(new_id(), session.id) == (None, None)


def test_session_is_read_again_while_a_change_that_keeps_it_is_half_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    UserRepository().add(USER, "hash")
    digests = RefreshDigests(b"family", b"current", b"salt")
    session = Session(USER.id, new_id(), 1, digests, NOON, NOON, NOON, NOON, "", "")
    assert SessionRepository().begin(session, USER.email, "hash", None, UNSEEN.opened(NOON))

    def half_done(keys: Mapping[str, Any]) -> dict[str, list[Item]]:
        monkeypatch.setattr(sessions, "batch_get", batch_get)
        rows = batch_get(keys)["sessions_table"]
        newer = [row | {"epoch": 2} if row["id"] == STATE_ID else row for row in rows]
        return {"sessions_table": newer}

    monkeypatch.setattr(sessions, "batch_get", half_done)

    found, account_state = SessionRepository().with_account_state(USER.id, session.id)
    assert found == session and account_state is not None
    assert account_state.generation == session.generation


@pytest.mark.parametrize(
    ("generation", "password_hash", "status"),
    [(2, "hash", "active"), (1, "other", "active"), (1, "hash", "inactive")],
)
def test_session_does_not_begin_after_a_change_of_hash_generation_or_status(
    generation: int, password_hash: str, status: str
) -> None:
    UserRepository().add(USER, "hash")
    shop.clients.dynamodb().update_item(
        TableName="sessions_table",
        Key={"user_id": {"S": USER.id}, "id": {"S": "gate"}},
        UpdateExpression="SET #s = :s",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":s": {"S": status}},
    )
    digests = RefreshDigests(b"family", b"current", b"salt")
    session = Session(USER.id, new_id(), generation, digests, NOON, NOON, NOON, NOON, "", "")

    attempt = UNSEEN.opened(NOON)
    assert not SessionRepository().begin(session, USER.email, password_hash, None, attempt)
    assert SessionRepository().with_account_state(USER.id, session.id)[0] is None


@pytest.mark.parametrize("stock", [0, 10, None])
def test_product_is_read_as_stored(stock: int | None) -> None:
    kept = keep(product(stock))

    assert ProductRepository().get(kept.id) == kept


def test_duplicate_sku_is_rejected() -> None:
    kept = keep(product())

    with pytest.raises(SkuInUse):
        ProductRepository().add(replace(product(), sku=kept.sku), None)


def test_order_is_read_as_stored_and_counted() -> None:
    UserRepository().add(USER, "hash")
    placed = order(keep(product()), 3, "Ring twice.")

    OrderRepository().add(placed, None)

    assert OrderRepository().get(ALICE.id, placed.id) == placed
    assert OrderRepository().count(ALICE.id, [*OrderStatus]) == 1
    (line,) = placed.lines
    left = ProductRepository().get(line.product_id)
    assert left is not None and (left.stock, left.version) == (7, 2)


@pytest.mark.parametrize(
    "changed",
    [
        {"price": Money(Decimal("19.91"), "EUR")},
        {"price": Money(Decimal("19.90"), "USD")},
        {"name": "Another"},
        {"sku": "ANOTHER"},
        {"stock": None},
        {"status": ProductStatus.INACTIVE},
    ],
)
def test_order_of_a_changed_product_is_not_placed(
    changed: dict[str, Any],
) -> None:
    UserRepository().add(USER, "hash")
    read = product()
    kept = keep(replace(read, **changed))
    stale = order(read)

    with pytest.raises(StaleVersion):
        OrderRepository().add(stale, None)

    assert OrderRepository().get(ALICE.id, stale.id) is None
    assert ProductRepository().get(kept.id) == kept


def test_order_beyond_the_stock_is_not_placed() -> None:
    UserRepository().add(USER, "hash")
    kept = keep(product(2))

    with pytest.raises(StaleVersion):
        OrderRepository().add(order(kept, 3), None)

    assert ProductRepository().get(kept.id) == kept


def test_order_of_a_missing_or_inactive_user_is_not_placed() -> None:
    kept = keep(product())
    with pytest.raises(NotFound):
        OrderRepository().add(order(kept), None)

    UserRepository().add(replace(USER, status=UserStatus.INACTIVE), "hash")
    with pytest.raises(AccountInactive):
        OrderRepository().add(order(kept), None)


@pytest.fixture
def placed() -> list[Order]:
    """Twelve orders of Alice in all statuses, oldest first, with totals of 1 to 5 digits."""
    UserRepository().add(USER, "hash")
    kept = keep(product(None))
    orders = []
    for number, status in enumerate([*OrderStatus] * 3):
        total = Money(Decimal(number * 7 % 12) ** 3 / 4, "EUR")
        orders.append(replace(order(kept), status=status, total=total))
        OrderRepository().add(orders[-1], None)
    return sorted(orders, key=lambda each: each.id)


def by_id(order: Order) -> str:
    return order.id


def by_total(order: Order) -> tuple[Decimal, str]:
    return order.total.amount, order.id


@pytest.mark.parametrize("is_descending", [False, True])
@pytest.mark.parametrize(("sort", "key"), [("createdAt", by_id), ("total", by_total)])
@pytest.mark.parametrize("statuses", [[*OrderStatus], *([status] for status in OrderStatus)])
def test_orders_of_a_user_are_listed_by_status_time_and_total(
    placed: list[Order],
    statuses: list[OrderStatus],
    sort: str,
    key: Callable[[Order], Any],
    is_descending: bool,
) -> None:
    expected = [order for order in placed if order.status in statuses]
    expected.sort(key=key, reverse=is_descending)
    orders, found, after = OrderRepository(), list[Order](), None
    while True:
        rows = orders.list_of_user(
            ALICE.id, statuses, sort, PageRequest(after, 0, 2), is_descending
        )
        found += rows.items
        if rows.next_position is None:
            break
        after = rows.next_position

    assert found == expected
    assert orders.count(ALICE.id, statuses) == len(expected)
    assert (
        orders.list_of_user(new_id(), statuses, sort, PageRequest(None, 0, 2), is_descending).items
        == []
    )


@pytest.mark.parametrize("is_descending", [False, True])
def test_all_orders_are_listed_by_status_and_time(placed: list[Order], is_descending: bool) -> None:
    for statuses in ([*OrderStatus], [OrderStatus.PENDING]):
        rows = OrderRepository().list_all(statuses, PageRequest(None, 0, 100), is_descending)

        expected = [order for order in placed if order.status in statuses]
        assert rows.items == (expected[::-1] if is_descending else expected)


def test_idempotency_record_is_stored_with_its_effect_and_read_with_the_catalogue() -> None:
    UserRepository().add(USER, "hash")
    kept = keep(product())

    OrderRepository().add(order(kept), idempotency("key").response_record(None))
    products, record = OrderRepository().read_catalogue([kept.id, new_id()], "key")

    assert record is not None and record == records.find_record("key")
    assert (record.response.status, dict(record.response.headers)) == (201, {"ETag": '"1"'})
    assert record.response.body == "é" and record.expires_at == NOON + KEPT_FOR
    assert list(products) == [kept.id]
    with pytest.raises(Replayed):
        idempotency("key").replay_if_recorded(record)


def test_expired_idempotency_record_is_replaced() -> None:
    UserRepository().add(USER, "hash")
    kept = keep(product())
    long_ago = Record("key", b"d", Response(201, {}, "old"), NOON - KEPT_FOR * 98)
    OrderRepository().add(order(kept), long_ago)

    OrderRepository().add(order(replace(kept)), idempotency("key").response_record(None))

    record = records.find_record("key")
    assert record is not None and record.response.body == "é"


def test_idempotency_record_in_force_rejects_a_second_effect() -> None:
    UserRepository().add(USER, "hash")
    kept = keep(product())
    in_force = Record("key", b"digest", Response(201, {}, "first"), now() + KEPT_FOR)
    OrderRepository().add(order(kept), in_force)

    with pytest.raises(StaleVersion):
        OrderRepository().add(order(kept), in_force)
    rejected = product()
    with pytest.raises(StaleVersion):
        ProductRepository().add(rejected, in_force)

    assert ProductRepository().get(rejected.id) is None
    assert OrderRepository().count(ALICE.id, [*OrderStatus]) == 1
    left = ProductRepository().get(kept.id)
    assert left is not None and left.stock == 9
