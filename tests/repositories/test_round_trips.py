"""What a repository stores it reads back the same, and its guards hold one at a time."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest

from shop.caller import Role
from shop.clock import now
from shop.dynamo import records
from shop.errors import AccountInactive, EmailInUse, NotFound, SkuInUse
from shop.http.response import Response
from shop.idempotency import KEPT_FOR, IdempotentRequest, Replayed
from shop.identifiers import new_id
from shop.identity.accounts.models import AccountState, UserStatus
from shop.identity.login_attempts.service import login_attempt
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
    taken = 0 if of.stock is None else quantity
    line = OrderLine(of.id, of.sku, of.name, of.price, quantity, taken)
    pending = OrderStatus.PENDING
    return Order(new_id(), ALICE.id, pending, line.total, [line], note, NOON, NOON, 1)


def once(key: str | None = None) -> IdempotentRequest:
    return IdempotentRequest(
        key, b"digest", lambda _: Response(201, {"ETag": '"1"'}, "é"), lambda: NOON
    )


def keep(kept: Product) -> Product:
    ProductRepository().add(kept, once())
    return kept


def test_a_user_is_stored_with_credential_and_gate() -> None:
    UserRepository().add(USER, "hash")

    assert UserRepository().get(USER.id) == USER
    assert UserRepository().get(new_id()) is None
    credential, _ = SessionRepository().find_credential("ada@example.com", UNSEEN)
    assert credential is not None
    assert (credential.user_id, credential.password_hash) == (USER.id, "hash")
    assert SessionRepository().of_user(USER.id)[1] == AccountState(
        USER.id, 1, UserStatus.ACTIVE, Role.CUSTOMER
    )


def test_a_second_user_of_an_address_leaves_nothing_behind() -> None:
    UserRepository().add(USER, "hash")
    second = replace(USER, id=new_id())

    with pytest.raises(EmailInUse):
        UserRepository().add(second, "other")

    assert UserRepository().get(second.id) is None
    assert SessionRepository().of_user(second.id) == ([], None)


def test_a_session_is_read_back_beside_its_gate() -> None:
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


@pytest.mark.parametrize(
    ("generation", "password_hash", "status"),
    [(2, "hash", "active"), (1, "other", "active"), (1, "hash", "inactive")],
)
def test_a_session_does_not_begin_once_hash_epoch_or_status_have_changed(
    generation: int, password_hash: str, status: str
) -> None:
    UserRepository().add(USER, "hash")
    boto3.client("dynamodb").update_item(
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
def test_a_product_is_read_back_as_it_was(stock: int | None) -> None:
    kept = keep(product(stock))

    assert ProductRepository().get(kept.id) == kept


def test_a_sku_is_taken_once() -> None:
    kept = keep(product())

    with pytest.raises(SkuInUse):
        ProductRepository().add(replace(product(), sku=kept.sku), once())


def test_an_order_is_read_back_as_it_was_and_counted() -> None:
    UserRepository().add(USER, "hash")
    placed = order(keep(product()), 3, "Ring twice.")

    OrderRepository().add(placed, once())

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
def test_an_order_of_a_product_that_is_not_as_it_was_read_is_not_placed(
    changed: dict[str, Any],
) -> None:
    UserRepository().add(USER, "hash")
    read = product()
    kept = keep(replace(read, **changed))
    stale = order(read)

    with pytest.raises(StaleVersion):
        OrderRepository().add(stale, once())

    assert OrderRepository().get(ALICE.id, stale.id) is None
    assert ProductRepository().get(kept.id) == kept


def test_an_order_takes_no_more_than_there_is() -> None:
    UserRepository().add(USER, "hash")
    kept = keep(product(2))

    with pytest.raises(StaleVersion):
        OrderRepository().add(order(kept, 3), once())

    assert ProductRepository().get(kept.id) == kept


def test_nobody_and_the_inactive_get_no_order() -> None:
    kept = keep(product())
    with pytest.raises(NotFound):
        OrderRepository().add(order(kept), once())

    UserRepository().add(replace(USER, status=UserStatus.INACTIVE), "hash")
    with pytest.raises(AccountInactive):
        OrderRepository().add(order(kept), once())


@pytest.fixture
def placed() -> list[Order]:
    """Twelve orders of Alice in all statuses, oldest first, with totals of 1 to 5 digits."""
    UserRepository().add(USER, "hash")
    kept = keep(product(None))
    orders = []
    for number, status in enumerate([*OrderStatus] * 3):
        total = Money(Decimal(number * 7 % 12) ** 3 / 4, "EUR")
        orders.append(replace(order(kept), status=status, total=total))
        OrderRepository().add(orders[-1], once())
    return sorted(orders, key=lambda each: each.id)


def by_id(order: Order) -> str:
    return order.id


def by_total(order: Order) -> tuple[Decimal, str]:
    return order.total.amount, order.id


@pytest.mark.parametrize("descends", [False, True])
@pytest.mark.parametrize(("sort", "key"), [("createdAt", by_id), ("total", by_total)])
@pytest.mark.parametrize("statuses", [[*OrderStatus], *([status] for status in OrderStatus)])
def test_a_users_orders_are_listed_by_status_time_and_total(
    placed: list[Order],
    statuses: list[OrderStatus],
    sort: str,
    key: Callable[[Order], Any],
    descends: bool,
) -> None:
    expected = [order for order in placed if order.status in statuses]
    expected.sort(key=key, reverse=descends)
    orders, found, after = OrderRepository(), list[Order](), None
    while True:
        rows = orders.of_user(ALICE.id, statuses, sort, PageRequest(after, 0, 2), descends)
        found += rows.items
        if rows.next_position is None:
            break
        after = rows.next_position

    assert found == expected
    assert orders.count(ALICE.id, statuses) == len(expected)
    assert orders.of_user(new_id(), statuses, sort, PageRequest(None, 0, 2), descends).items == []


@pytest.mark.parametrize("descends", [False, True])
def test_the_orders_of_everyone_are_listed_by_status_and_time(
    placed: list[Order], descends: bool
) -> None:
    for statuses in ([*OrderStatus], [OrderStatus.PENDING]):
        rows = OrderRepository().of_everyone(statuses, PageRequest(None, 0, 100), descends)

        expected = [order for order in placed if order.status in statuses]
        assert rows.items == (expected[::-1] if descends else expected)


def test_a_record_is_kept_with_its_effect_and_found_beside_the_catalogue() -> None:
    UserRepository().add(USER, "hash")
    kept = keep(product())

    OrderRepository().add(order(kept), once("key"))
    products, record = OrderRepository().catalogue([kept.id, new_id()], once("key"))

    assert record is not None and record == records.find(once("key"))
    assert (record.answer.status, dict(record.answer.headers)) == (201, {"ETag": '"1"'})
    assert record.answer.body == "é" and record.expires_at == NOON + KEPT_FOR
    assert list(products) == [kept.id]
    with pytest.raises(Replayed):
        once("key").replay(record)


def test_a_record_that_has_expired_is_replaced() -> None:
    UserRepository().add(USER, "hash")
    kept = keep(product())
    long_ago = IdempotentRequest(
        "key", b"d", lambda _: Response(201, {}, "old"), lambda: NOON - KEPT_FOR * 99
    )
    OrderRepository().add(order(kept), long_ago)

    OrderRepository().add(order(replace(kept)), once("key"))

    record = records.find(once("key"))
    assert record is not None and record.answer.body == "é"


def test_a_record_in_force_undoes_a_second_effect() -> None:
    UserRepository().add(USER, "hash")
    kept = keep(product())
    in_force = IdempotentRequest("key", b"digest", lambda _: Response(201, {}, "first"), now)
    OrderRepository().add(order(kept), in_force)

    with pytest.raises(StaleVersion):
        OrderRepository().add(order(kept), in_force)
    with pytest.raises(Replayed):
        ProductRepository().add(product(), in_force)

    assert OrderRepository().count(ALICE.id, [*OrderStatus]) == 1
    left = ProductRepository().get(kept.id)
    assert left is not None and left.stock == 9
