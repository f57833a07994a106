"""The client on a deployed stack, from sign-up to a cancelled order."""

import asyncio
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import pytest
from losing_proxy import LosingProxy

from shop_client import (
    AsyncShop,
    AuthorizationCode,
    ClientCredentials,
    InMemory,
    Shop,
    ShopError,
    Tokens,
    operations,
)
from shop_client.models import Product

PASSWORD = "a long walk by the river"


class Customer:
    """A client of a new user, through the proxy."""

    def __init__(self, url: str, **options: Any) -> None:
        self.storage = InMemory()
        self.email = f"ada.{uuid4()}@example.com"
        self.shop = Shop(url, tokens=self.storage, **options)
        self.shop.sign_up(email=self.email, name="Ada Lovelace", password=PASSWORD)
        self.shop.log_in(email=self.email, password=PASSWORD)


def spoil(storage: InMemory) -> None:
    """Replace the access token by one with another signature, which the API rejects."""
    tokens = storage.load()
    assert tokens
    content, _, signature = tokens.access_token.rpartition(".")
    storage.save(Tokens(f"{content}.{signature[::-1]}", tokens.refresh_token))


@pytest.fixture
def customer(proxy: LosingProxy) -> Customer:
    return Customer(proxy.url)


def two(product: Product) -> Any:
    return [{"product_id": product.id, "quantity": 2}]


def test_lost_responses_and_a_spent_token_result_in_one_order(
    customer: Customer, proxy: LosingProxy, pear: Product
) -> None:
    shop, placing = customer.shop, "POST /api/users/me/orders"
    stock = shop.products.get(pear.id).stock or 0
    spoil(customer.storage)
    for _ in range(3):
        proxy.lose(placing)
    before = proxy.times(placing)

    order = shop.orders.place(items=two(pear))

    # One is rejected, three are lost, and the last is replayed.
    assert proxy.times(placing) - before == 5
    assert len({*proxy.keys(placing)[before:]}) == 1
    assert list(shop.orders.list()) == [order]
    assert (order.total, order.status) == (Decimal("39.80"), "pending")
    assert shop.products.get(pear.id).stock == stock - 2

    noted = shop.orders.edit(order.id, lambda found: {"note": f"at most {found.total}"})
    assert noted.note == "at most 39.80"

    proxy.lose(f"PATCH /api/users/me/orders/{order.id}")
    assert shop.orders.cancel(order.id).status == "cancelled"
    assert shop.products.get(pear.id).stock == stock

    shop.log_out()
    with pytest.raises(ShopError) as raised:
        shop.users.get()
    assert (raised.value.status, raised.value.code) == (401, "UNAUTHORIZED")


def test_personal_data_has_user_and_orders(
    customer: Customer, proxy: LosingProxy, pear: Product
) -> None:
    order = customer.shop.orders.place(items=two(pear))
    proxy.lose("GET /api/users/me/personal-data")

    data = customer.shop.users.personal_data()

    assert data.user is not None and data.user.email == customer.email
    assert (data.subject, data.orders) == (order.user_id, [order])
    assert customer.shop.orders.cancel(order.id).status == "cancelled"


def test_threads_share_one_renewal_though_its_response_is_lost(
    customer: Customer, proxy: LosingProxy
) -> None:
    spoil(customer.storage)
    proxy.lose("POST /api/access-tokens")
    before = proxy.times("POST /api/access-tokens")
    start = threading.Barrier(8, timeout=60)

    def get(_: int) -> str:
        start.wait()
        return customer.shop.users.get().id

    with ThreadPoolExecutor(8) as pool:
        ids = {*pool.map(get, range(8))}

    assert len(ids) == 1
    assert proxy.times("POST /api/access-tokens") - before == 2
    assert len(customer.shop.sessions.list()) == 1


def test_tasks_share_one_renewal(customer: Customer, proxy: LosingProxy) -> None:
    spoil(customer.storage)
    before = proxy.times("POST /api/access-tokens")

    async def run() -> set[str]:
        async with AsyncShop(proxy.url, tokens=customer.storage) as shop:
            users = await asyncio.gather(*(shop.users.get() for _ in range(8)))
            found = [order async for order in shop.orders.list()]
            assert found == []
            return {user.id for user in users}

    assert len(asyncio.run(run())) == 1
    assert proxy.times("POST /api/access-tokens") - before == 1


def test_lists_with_several_pages_are_read_to_the_end(customer: Customer, pear: Product) -> None:
    shop = customer.shop
    placed = [shop.orders.place(items=two(pear)).id for _ in range(3)]

    found = [it.id for it in shop.orders.list(sort="createdAt", limit=2)]

    assert found == placed
    for order_id in placed:
        shop.orders.cancel(order_id)


def test_concurrent_edits_keep_both_changes(customer: Customer, pear: Product) -> None:
    shop = customer.shop
    order = shop.orders.place(items=two(pear))

    def append(word: str) -> None:
        shop.orders.edit(order.id, lambda found: {"note": f"{found.note or ''} {word}".strip()})

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(append, ["one", "two"]))

    assert shop.orders.get(order.id).note in ("one two", "two one")
    shop.orders.cancel(order.id)


def test_errors_name_the_invalid_field(customer: Customer, pear: Product) -> None:
    with pytest.raises(ShopError) as raised:
        customer.shop.orders.place(items=[{"product_id": pear.id, "quantity": 0}])

    error = raised.value
    assert (error.status, error.code) == (422, "VALIDATION_ERROR")
    assert [it.field for it in error.details] == ["body.items.0.quantity"]
    assert len(error.request_id) == 36


@pytest.mark.parametrize("spoil", ["lose", "fail"])
def test_committed_changes_are_made_once(
    customer: Customer, proxy: LosingProxy, stack: Any, pear: Product, spoil: str
) -> None:
    shop, spoil_next = customer.shop, getattr(proxy, spoil)
    admin = Shop(proxy.url)
    admin.log_in(**stack["admin"])
    before = shop.products.get(pear.id).stock

    order = shop.orders.place(items=two(pear))
    spoil_next(f"PATCH /api/users/me/orders/{order.id}")
    assert shop.orders.cancel(order.id).status == "cancelled"

    spoil_next("POST /api/products")
    fig = admin.products.create(
        sku=f"FIG-{uuid4()}", name="A fig", price=Decimal(1), currency="EUR", stock=1
    )
    spoil_next(f"DELETE /api/products/{fig.id}")
    admin.products.delete(fig.id)
    with pytest.raises(ShopError, match="NOT_FOUND"):
        shop.products.get(fig.id)

    other = shop.orders.place(items=two(pear))
    spoil_next("PATCH /api/users/")
    processing = admin.orders.update(other.id, status="processing", user_id=other.user_id)
    assert processing.status == "processing"
    admin.orders.cancel(other.id, user_id=other.user_id)
    assert shop.products.get(pear.id).stock == before


def test_end_of_all_sessions_survives_a_lost_response(
    customer: Customer, proxy: LosingProxy
) -> None:
    proxy.lose("DELETE /api/sessions")

    customer.shop.sessions.end_all()

    assert customer.storage.load() is None
    assert proxy.times("DELETE /api/sessions") > 1


def test_lost_change_of_a_password_may_be_done(customer: Customer, proxy: LosingProxy) -> None:
    changed = "a long walk by the sea"
    proxy.fail("PUT /api/users/me/password")

    with pytest.raises(ShopError, match="SERVICE_UNAVAILABLE") as raised:
        customer.shop.users.change_password(current_password=PASSWORD, new_password=changed)

    assert raised.value.may_be_done
    customer.shop.log_in(email=customer.email, password=changed)


def test_deleted_user_is_logged_out(proxy: LosingProxy) -> None:
    ended: list[bool] = []
    customer = Customer(proxy.url, on_session_end=lambda: ended.append(True))

    customer.shop.users.delete()

    assert ended == [True]
    with pytest.raises(ShopError, match="INVALID_CREDENTIALS"):
        Shop(proxy.url).log_in(email=customer.email, password=PASSWORD)


def test_used_links_are_rejected(customer: Customer) -> None:
    shop = customer.shop
    shop.request_password_reset(customer.email)
    shop.request_email_verification()

    with pytest.raises(ShopError, match="NOT_FOUND") as of_reset:
        shop.reset_password("x" * 43, PASSWORD)
    with pytest.raises(ShopError, match="NOT_FOUND") as of_verification:
        shop.verify_email("x" * 43)

    assert not of_reset.value.may_be_done and not of_verification.value.may_be_done


def test_operations_without_a_method_are_called_by_request(admin: Shop) -> None:
    body = {
        "name": "Robot",
        "type": "confidential",
        "redirect_uris": [],
        "grant_types": ["client_credentials"],
        "scopes": ["admin:orders:read"],
    }
    headers = {"Idempotency-Key": uuid4().hex}

    created = admin.request(operations.CREATE_OAUTH_CLIENT, body=body, headers=headers)
    path = {"clientId": created.data.id}
    found = admin.request(operations.GET_OAUTH_CLIENT, path=path)
    unchanged = admin.request(
        operations.GET_OAUTH_CLIENT, path=path, headers={"If-None-Match": found.headers["ETag"]}
    )

    assert found.data == created.data
    assert found.data.grant_types == ["client_credentials"]
    assert unchanged.status == 304


def test_service_reads_orders_with_a_token_of_its_own(
    stack: Any, proxy: LosingProxy, pear: Product, customer: Customer
) -> None:
    order = customer.shop.orders.place(items=two(pear))
    client_id, client_secret = stack["service"]
    source = ClientCredentials(client_id, client_secret, scope="admin:orders:read")
    service = Shop(proxy.url, token_source=source)
    proxy.lose("POST /oauth/token")

    newest = next(iter(service.orders.list_all()))

    assert newest == order
    with pytest.raises(ShopError, match="INSUFFICIENT_SCOPE"):
        next(iter(service.users.list()))
    wrong = ClientCredentials(client_id, "wrong", scope="admin:orders:read")
    with pytest.raises(ShopError, match="invalid_client"):
        next(iter(Shop(proxy.url, token_source=wrong).orders.list_all()))
    customer.shop.orders.cancel(order.id)


class Browser:
    """The browser of a user: it allows what a program asks for, and follows the redirect."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def open(self, url: str, *_: object) -> bool:
        threading.Thread(target=self._allow, args=(url,), daemon=True).start()
        return True

    def _allow(self, url: str) -> None:
        asked = dict(parse_qsl(urlsplit(url).query))
        body = asked | {"consent": "given"}
        redirect = self._shop.request(operations.CREATE_AUTHORIZATION, body=body).data.redirect_to
        with urllib.request.urlopen(redirect or "") as page:
            page.read()


def test_program_signs_in_renews_and_signs_out(
    stack: Any, proxy: LosingProxy, customer: Customer, pear: Product
) -> None:
    order = customer.shop.orders.place(items=two(pear))
    storage = InMemory()
    source = AuthorizationCode(stack["program"])
    program = Shop(proxy.url, token_source=source, tokens=storage)

    program.oauth.sign_in(scope="orders:read", open_browser=Browser(customer.shop).open)
    first = storage.load()
    assert list(program.orders.list()) == [order]
    spoil(storage)
    proxy.lose("POST /oauth/token")
    assert list(program.orders.list()) == [order]
    second = storage.load()
    program.oauth.sign_out()

    assert first and second and second.refresh_token != first.refresh_token
    assert storage.load() is None
    # The gateway accepts the access token for up to 50 s.
    storage.save(second)
    spoil(storage)
    with pytest.raises(ShopError, match="UNAUTHORIZED"):
        list(program.orders.list())
    assert storage.load() is None
    customer.shop.orders.cancel(order.id)
