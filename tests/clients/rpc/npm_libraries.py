"""RPC client libraries of Node.js that need no proxy."""

from typing import Any

import pytest

from tests.clients.rpc.node_library import check_library
from tests.support.deployed_shop import DeployedShop, Person


@pytest.mark.parametrize("library", ["connect-web", "connect-node", "grpc-web"])
def test_library_calls_every_method(
    shop: DeployedShop, person: Person, product: dict[str, Any], library: str
) -> None:
    check_library(library, shop, person, product)
