"""Concurrent calls of the repositories on a store that isolates its transactions.

DynamoDB Local runs transactions one after another and therefore never returns
`TransactionConflict`, unlike AWS. Tests with injected faults cover it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from copy import replace
from decimal import Decimal
from typing import Any

import pytest

import shop.clients
from shop.caller import Role
from shop.clients import dynamodb
from shop.clock import now
from shop.errors import EmailInUse, InsufficientStock, LastAdmin, ShopError, SkuInUse
from shop.http.response import Response
from shop.idempotency import IdempotentRequest, Replayed
from shop.identifiers import new_id
from shop.identity.accounts.models import UserStatus
from shop.identity.login_attempts.models import MAX_GUESSES_FROM_NETWORK
from shop.identity.login_attempts.repository import LoginAttemptRepository
from shop.identity.login_attempts.service import LoginAttemptService, login_attempt
from shop.identity.sessions.models import RefreshDigests, Session
from shop.identity.sessions.repository import SessionRepository
from shop.money import Money
from shop.orders.models import Order, OrderStatus
from shop.orders.repository import OrderRepository
from shop.orders.requests import OrderPlace
from shop.orders.service import OrderService
from shop.pagination import PageRequest
from shop.products.models import Product, ProductStatus
from shop.products.repository import ProductRepository
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.aws_mock import fresh_aws
from tests.support.deployed_shop import gather
from tests.support.fixtures import ALICE, NOON

pytestmark = pytest.mark.dynamodb_local

MANY = 16
USER = User(
    ALICE.id, "ada@example.com", "Ada", UserStatus.ACTIVE, Role.CUSTOMER, False, NOON, NOON, 1
)


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        UserRepository().add(USER, "hash")
        yield


def outcomes(work: Callable[[int], object]) -> Counter[str]:
    """Count the results and errors of `MANY` concurrent calls, by kind."""

    def outcome(index: int) -> str:
        try:
            return type(work(index)).__name__
        except (ShopError, Replayed) as error:
            return type(error).__name__

    return Counter(gather(MANY, outcome))


def product(stock: int) -> Product:
    product_id, price = new_id(), Money(Decimal("19.90"), "EUR")
    return Product(
        *(product_id, f"SKU-{product_id}", "A pear", price, stock),
        *(ProductStatus.ACTIVE, NOON, NOON, 1),
    )


def keep(kept: Product) -> Product:
    ProductRepository().add(kept, None)
    return kept


def idempotency(key: str | None) -> IdempotentRequest:
    return IdempotentRequest(key, b"digest", lambda created: Response(201, {}, str(created)), now)


def place(lines: list[tuple[Product, int]], key: str | None = None) -> Order:
    items = [{"productId": each.id, "quantity": quantity} for each, quantity in lines]
    service = OrderService(OrderRepository(), now, new_id)
    return service.place(
        ALICE, ALICE.id, OrderPlace.model_validate({"items": items}), idempotency(key)
    )


def begin() -> Session:
    digests = RefreshDigests(b"family", b"current", b"salt")
    session = Session(USER.id, new_id(), 1, digests, NOON, NOON, NOON, NOON, "", "192.0.2.1")
    attempt = login_attempt(USER.email, session.ip_address).opened(NOON)
    assert SessionRepository().begin(session, USER.email, "hash", None, attempt)
    return session


def stock(of: Product) -> int | None:
    found = ProductRepository().get(of.id)
    assert found is not None
    return found.stock


def count(table: str) -> int:
    return shop.clients.dynamodb().scan(TableName=table, Select="COUNT")["Count"]


def newest(limit: int) -> Sequence[Order]:
    page_request = PageRequest(None, 0, limit)
    return (
        OrderRepository()
        .list_of_user(ALICE.id, [*OrderStatus], "createdAt", page_request, True)
        .items
    )


def test_parallel_orders_sell_every_piece_once() -> None:
    pear = keep(product(10))

    found = outcomes(lambda _: place([(pear, 1)]))

    assert found == {"Order": 10, InsufficientStock.__name__: 6}
    assert stock(pear) == 0
    assert OrderRepository().count(ALICE.id, [*OrderStatus]) == 10
    assert len(newest(100)) == 10


def test_parallel_orders_of_two_products_reserve_both_or_none() -> None:
    pear, plum = keep(product(10)), keep(product(4))
    lines = [(pear, 1), (plum, 1)]

    found = outcomes(lambda index: place(lines if index % 2 else lines[::-1]))

    assert found == {"Order": 4, InsufficientStock.__name__: 12}
    assert (stock(pear), stock(plum)) == (6, 0)


def test_parallel_requests_with_one_key_create_one_order_and_replay_it() -> None:
    pear = keep(product(10))
    responses: list[str] = []

    def work(_: int) -> Order:
        try:
            return place([(pear, 1)], "key")
        except Replayed as replayed:
            responses.append(replayed.response.body)
            raise

    found = outcomes(work)

    assert found == {"Order": 1, Replayed.__name__: 15}
    assert len(set(responses)) == 1 and OrderRepository().count(ALICE.id, [*OrderStatus]) == 1
    assert stock(pear) == 9


def test_retry_of_an_order_of_the_last_piece_is_never_out_of_stock() -> None:
    pear = keep(product(1))

    found = outcomes(lambda _: place([(pear, 1)], "key"))

    assert found == {"Order": 1, Replayed.__name__: 15}


def test_sku_belongs_to_one_product() -> None:
    first = product(1)

    found = outcomes(lambda _: keep(replace(first, id=new_id())))

    assert found == {"Product": 1, SkuInUse.__name__: 15}
    assert count("products_table") == 2  # with its SKU item


def test_email_belongs_to_one_user() -> None:
    def sign_up(_: int) -> None:
        user = replace(USER, id=new_id(), email="new@example.com")
        UserRepository().add(user, "hash")

    found = outcomes(sign_up)

    assert found == {"NoneType": 1, EmailInUse.__name__: 15}
    assert (count("users_table"), count("sessions_table")) == (2, 2)


def test_parallel_role_changes_leave_one_admin() -> None:
    admins = [
        replace(USER, id=new_id(), email=f"{index}@example.com", role=Role.ADMIN)
        for index in range(MANY)
    ]
    for admin in admins:
        UserRepository().add(admin, "hash")

    def step_down(index: int) -> None:
        before = admins[index]
        UserRepository().save(before, replace(before, role=Role.CUSTOMER, version=2))

    found = outcomes(step_down)

    assert found == {"NoneType": 15, LastAdmin.__name__: 1}
    left = [UserRepository().get(admin.id) for admin in admins]
    assert [user.role for user in left if user].count(Role.ADMIN) == 1


def test_parallel_guesses_are_counted_up_to_the_limit() -> None:
    began = now()
    service = LoginAttemptService(LoginAttemptRepository(), lambda: began)

    found = outcomes(lambda _: service.count(login_attempt("ada@example.com", "192.0.2.1")))

    assert found == {
        "RateLimitedRequest": MAX_GUESSES_FROM_NETWORK,
        "TooManyRequests": MANY - MAX_GUESSES_FROM_NETWORK,
    }
    _, seen = SessionRepository().find_credential(
        "ada@example.com", login_attempt("ada@example.com", "192.0.2.1")
    )
    assert [tally.attempts for tally in seen.windows] == [
        MAX_GUESSES_FROM_NETWORK,
        MAX_GUESSES_FROM_NETWORK,
    ]


def test_parallel_refreshes_of_one_token_return_one_successor() -> None:
    session = begin()

    def refresh(index: int) -> bytes | None:
        following = RefreshDigests(b"family", f"next {index}".encode(), b"salt", b"current", NOON)
        rotated = SessionRepository().rotate(replace(session, refresh=following), b"current")
        return None if rotated is None else rotated.refresh.current

    (successor,) = set(gather(MANY, refresh))
    assert successor is not None


def lose_first_response(to: str) -> list[int]:
    """Make the SDK send the next request of an operation twice; append to the list when it has."""
    events: Any = dynamodb().meta.events  # `Any`: its type lacks handlers that return a response
    name = f"needs-retry.dynamodb.{to}"
    lost: list[int] = []

    def lose(attempts: int, **_: object) -> float:
        events.unregister(name, lose)
        lost.append(attempts)
        return 0.0

    events.register_first(name, lose)
    return lost


def test_order_with_a_lost_response_is_placed_once_and_not_rejected() -> None:
    pear = keep(product(1))
    lost = lose_first_response("TransactWriteItems")

    placed = place([(pear, 1)], "key")

    assert lost == [1]
    assert newest(10) == [placed]
    assert (stock(pear), OrderRepository().count(ALICE.id, [*OrderStatus])) == (0, 1)


def test_session_end_with_a_lost_response_is_recognized() -> None:
    session = begin()
    lost = lose_first_response("TransactWriteItems")

    assert SessionRepository().end(USER.id, session.id)

    assert lost == [1]
    assert not SessionRepository().end(USER.id, session.id)


def test_refresh_with_a_lost_response_is_recognized() -> None:
    session = begin()
    following = RefreshDigests(b"family", b"next", b"salt", b"current", NOON)
    lost = lose_first_response("UpdateItem")

    rotated = SessionRepository().rotate(replace(session, refresh=following), b"current")

    assert lost == [1]
    assert rotated is not None and rotated.refresh == following
