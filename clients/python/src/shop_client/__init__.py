"""The shop's API for Python: `Shop` for threads and `AsyncShop` for tasks."""

from shop_client import webhooks
from shop_client._async import AsyncShop
from shop_client._core import Answer, Operation
from shop_client._errors import NoAnswer, ShopClientError, ShopError
from shop_client._sync import Shop
from shop_client.oauth import SignIn
from shop_client.tokens import (
    AsyncTokenStorage,
    AuthorizationCode,
    ClientCredentials,
    InMemory,
    TokenFile,
    Tokens,
    TokenSource,
    TokenStorage,
    UserSession,
)

__all__ = [
    "Answer",
    "AsyncShop",
    "AsyncTokenStorage",
    "AuthorizationCode",
    "ClientCredentials",
    "InMemory",
    "NoAnswer",
    "Operation",
    "Shop",
    "ShopClientError",
    "ShopError",
    "SignIn",
    "TokenFile",
    "TokenSource",
    "TokenStorage",
    "Tokens",
    "UserSession",
    "webhooks",
]
