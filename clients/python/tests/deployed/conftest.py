"""Fixtures: a deployed stack, a proxy that loses responses, and a product."""

import json
import os
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from losing_proxy import LosingProxy

from shop_client import Shop
from shop_client.models import Product


@pytest.fixture(scope="session")
def stack() -> Any:
    """The URL of the API, its admin, and OAuth clients."""
    return json.loads(os.environ["SHOP_STACK"])


@pytest.fixture(scope="session")
def admin(stack: Any) -> Iterator[Shop]:
    with Shop(stack["url"]) as shop:
        shop.log_in(**stack["admin"])
        yield shop


@pytest.fixture(scope="session")
def pear(admin: Shop) -> Product:
    return admin.products.create(
        sku=f"PEAR-{uuid4()}", name="A pear", price="19.90", currency="EUR", stock=10
    )


@pytest.fixture(scope="session")
def proxy(stack: Any) -> Iterator[LosingProxy]:
    proxy = LosingProxy(stack["url"])
    yield proxy
    proxy.close()
