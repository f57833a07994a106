"""Unfulfilled orders are cancelled at last, within the permissions of the deployed worker."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from zipfile import ZipFile

from tests.support.deployed_shop import Shop
from tests.support.event_listener import held
from tests.support.order_queue import queue_with, status
from tests.support.waiting import eventually
from tools.local_cloud.stack import LocalStack

WORKER = "StartProcessing"
REJECTING = """
import start_processing
from shop.orders.fulfilment import FulfilmentFailed

class Rejects:
    def accept(self, order):
        raise FulfilmentFailed

start_processing.fulfilment = Rejects
handler = start_processing.handler
"""


@contextmanager
def rejecting_fulfilment(stack: LocalStack) -> Iterator[None]:
    """Replace the worker's fulfilment with a rejection at the first receive, in its own role."""
    lambda_, name = stack.client("lambda"), stack.resources()[WORKER]
    before = lambda_.get_function_configuration(FunctionName=name)
    version = lambda_.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
    variables = before["Environment"]["Variables"] | {"MAX_RECEIVES": "1"}
    lambda_.update_function_code(FunctionName=name, ZipFile=_package(stack))
    lambda_.update_function_configuration(
        FunctionName=name, Handler="rejecting.handler", Environment={"Variables": variables}
    )
    rejecting = lambda_.publish_version(FunctionName=name)["Version"]
    lambda_.update_alias(FunctionName=name, Name="live", FunctionVersion=rejecting)
    try:
        yield
    finally:
        lambda_.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
        lambda_.update_function_configuration(
            FunctionName=name, Handler=before["Handler"], Environment=before["Environment"]
        )


def _package(stack: LocalStack) -> bytes:
    """Return the built package with a module that rejects every order."""
    content = io.BytesIO()
    with ZipFile(content, "w") as package:
        for file in (stack.home / "build" / WORKER).glob("*.py"):
            package.write(file, file.name)
        package.writestr("rejecting.py", REJECTING)
    return content.getvalue()


def test_unfulfilled_order_is_cancelled_and_returns_its_stock(shop: Shop) -> None:
    person, counted, unlimited = shop.sign_up(), shop.product(), shop.product()

    with rejecting_fulfilment(shop.stack), queue_with(shop.stack, DelaySeconds="0"):
        with held(shop.stack, "ProcessOrders"):
            order = person.order((counted["id"], 2), (unlimited["id"], 1)).json()["id"]
            shop.admin.http.patch(f"/api/products/{unlimited['id']}", json={"stock": None})

        assert eventually(lambda: status(person, order) == "cancelled")
    assert shop.stock(counted) == 10
    assert shop.stock(unlimited) is None
