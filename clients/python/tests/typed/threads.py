"""A program that uses every method, for type checkers only."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, assert_type

import httpx2

from shop_client import (
    Answer,
    AuthorizationCode,
    ClientCredentials,
    InMemory,
    NoAnswer,
    Shop,
    ShopClientError,
    ShopError,
    SignIn,
    TokenFile,
    Tokens,
    operations,
)
from shop_client.models import (
    ErrorDetail,
    OAuthClient,
    Order,
    OrderLine,
    PersonalData,
    Product,
    ProductPage,
    Session,
    User,
)


def create() -> Shop:
    Shop("https://shop.test", tokens=TokenFile("tokens.json"), on_session_end=lambda: print())
    Shop("https://shop.test", token_source=ClientCredentials("id", "secret", scope="a b"))
    Shop("https://shop.test", token_source=AuthorizationCode("id"), timeout=1, attempts=1)
    tokens = InMemory(Tokens("access", "refresh"))
    return Shop("https://shop.test", tokens=tokens, http_client=httpx2.Client(), longest_wait=1)


def account(shop: Shop) -> None:
    assert_type(shop.sign_up(email="a@example.com", name="Ada", password="x"), User)
    assert_type(shop.log_in(email="a@example.com", password="x"), Session)
    shop.request_password_reset("a@example.com")
    shop.reset_password("token", "x")
    shop.request_email_verification()
    shop.verify_email("token")
    assert_type(shop.sessions.list(), Sequence[Session])
    shop.sessions.end("s1")
    shop.sessions.end_all()
    shop.log_out()
    shop.close()


def personal_data(shop: Shop) -> None:
    data = shop.users.personal_data("u1")
    assert_type(data, PersonalData)
    assert_type(data.orders[0].total, Decimal)


def users(shop: Shop) -> None:
    assert_type(shop.users.list(sort="-name", limit=5, search="ada"), Iterator[User])
    user = shop.users.get()
    assert_type(user, User)
    assert_type(user.created_at, datetime)
    assert_type(user.status, Literal["active", "inactive"] | str)
    assert_type(user.model_extra, dict[str, Any] | None)
    assert_type(
        shop.users.replace(
            "u1", email=user.email, name=user.name, status=user.status, role=user.role
        ),
        User,
    )
    assert_type(shop.users.update("me", name="Ada", current_password="x"), User)
    assert_type(shop.users.edit("me", lambda found: {"name": found.name.upper()}), User)
    shop.users.change_password(current_password="x", new_password="y")
    shop.users.delete()


def products(shop: Shop) -> None:
    assert_type(shop.products.list(status="active"), Iterator[Product])
    product = shop.products.get("p1")
    assert_type(product.price, Decimal)
    assert_type(product.stock, int | None)
    created = shop.products.create(
        sku="P", name="P", price=Decimal(1), currency="EUR", stock=None, idempotency_key="k"
    )
    assert_type(created, Product)
    assert_type(shop.products.update("p1", price="1.00", stock_delta=1), Product)
    assert_type(shop.products.edit("p1", lambda found: {"price": found.price * 2}), Product)
    shop.products.delete("p1")


def orders(shop: Shop) -> None:
    assert_type(shop.orders.list(user_id="u1", status="pending"), Iterator[Order])
    assert_type(shop.orders.list_all(sort="createdAt"), Iterator[Order])
    order = shop.orders.get("o1", user_id="u1")
    assert_type(order.items, list[OrderLine])
    assert_type(order.total, Decimal)
    placed = shop.orders.place(items=[{"product_id": "p1", "quantity": 1}], note="x", user_id="u1")
    assert_type(placed, Order)
    assert_type(shop.orders.update("o1", status="processing", note=None), Order)
    assert_type(shop.orders.edit("o1", lambda found: {"note": found.note}, user_id="u1"), Order)
    assert_type(shop.orders.cancel("o1", user_id="u1"), Order)


def oauth(shop: Shop) -> None:
    sign_in = shop.oauth.start(redirect_uri="https://app.test/callback", scope="orders:read")
    assert_type(sign_in, SignIn)
    shop.oauth.finish(sign_in, "https://app.test/callback?code=x")
    shop.oauth.sign_in(scope="orders:read", open_browser=print, timeout=1)
    shop.oauth.sign_out()


def request(shop: Shop) -> None:
    answer = shop.request(operations.LIST_PRODUCTS, query={"page": 2})
    assert_type(answer, Answer[ProductPage])
    assert_type(answer.data.data, list[Product])
    assert_type(answer.headers, Mapping[str, str])
    client = shop.request(operations.GET_OAUTH_CLIENT, path={"clientId": "c1"}).data
    assert_type(client, OAuthClient)


def errors(shop: Shop) -> None:
    try:
        shop.users.get()
    except ShopError as error:
        assert_type(error.code, str)
        assert_type(error.details, tuple[ErrorDetail, ...])
        assert_type(error.request_id, str)
    except NoAnswer as error:
        assert_type(error.may_be_done, bool)
    except ShopClientError as error:
        assert_type(error.retry_after, float | None)
