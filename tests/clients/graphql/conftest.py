"""A user, and a product to order."""

from typing import Any

import pytest

from tests.support.deployed_shop import DeployedShop, Person


@pytest.fixture(scope="module")
def person(shop: DeployedShop) -> Person:
    return shop.sign_up()


@pytest.fixture(scope="module")
def product(shop: DeployedShop) -> dict[str, Any]:
    return shop.product(stock=500)
