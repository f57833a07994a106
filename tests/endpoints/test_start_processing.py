"""The worker that starts processing, message by message, and its last receive."""

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest

from functions.workers import start_processing
from shop.caller import Role
from shop.correlation import correlation_id
from shop.identifiers import new_id
from shop.identity.accounts.models import UserStatus
from shop.money import Money
from shop.orders.models import Order, OrderLine, OrderStatus
from shop.orders.repository import OrderRepository
from shop.products.models import Product, ProductStatus
from shop.products.repository import ProductRepository
from shop.users.models import User
from shop.users.repository import UserRepository
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import ALICE, NOON
from tests.support.gateway_events import Context
from tests.support.log_lines import LogLines
from tests.support.sam_template import ROOT, resources

PRICE = Money(Decimal("4.90"), "EUR")
PEAR = Product(new_id(), "PEAR", "Pears", PRICE, 10, ProductStatus.ACTIVE, NOON, NOON, 1)
MAX_RECEIVES = 5


class Fulfilment:
    def __init__(self) -> None:
        self.asked: list[str] = []
        self.rejects: set[str] = set()

    def accept(self, order: Order) -> None:
        self.asked.append(order.id)
        if order.id in self.rejects:
            raise ConnectionError("nobody is there")


@pytest.fixture
def fulfilment(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fulfilment]:
    port = Fulfilment()
    monkeypatch.setattr(start_processing, "fulfilment", lambda: port)
    user = User(
        *(ALICE.id, "ada@example.com", "Ada", UserStatus.ACTIVE, Role.CUSTOMER, False),
        *(NOON, NOON, 1),
    )
    with fresh_aws():
        UserRepository().add(user, "hash")
        ProductRepository().add(PEAR, None)
        yield port


def placed() -> str:
    line = OrderLine(PEAR.id, "PEAR", "Pears", PRICE, 1, 1)
    order = Order(new_id(), ALICE.id, OrderStatus.PENDING, PRICE, [line], None, NOON, NOON, 1)
    OrderRepository().add(order, None)
    return order.id


def run(*order_ids: str, receives: int = 1) -> list[int]:
    """Return the positions of the messages to redeliver."""
    [example] = json.loads((ROOT / "events/start_processing.json").read_text())["Records"]
    known = json.loads(example["body"])["detail"]["data"]
    records = []
    for position, order_id in enumerate(order_ids):
        body = example["body"].replace(known["orderId"], order_id)
        body = body.replace(known["userId"], ALICE.id)
        attributes = example["attributes"] | {"ApproximateReceiveCount": str(receives)}
        records.append(
            example | {"messageId": str(position), "body": body, "attributes": attributes}
        )
    response = start_processing.handler({"Records": records}, Context())
    return [int(str(it["itemIdentifier"])) for it in response["batchItemFailures"]]


def status(order_id: str) -> str:
    order = OrderRepository().get(ALICE.id, order_id)
    assert order is not None
    return order.status.value


def stock() -> int:
    product = ProductRepository().get(PEAR.id)
    assert product is not None and product.stock is not None
    return product.stock


def test_each_message_starts_processing_of_its_order_once(fulfilment: Fulfilment) -> None:
    one, other = placed(), placed()

    assert run(one, other, one, new_id()) == []
    assert run(one, other) == []

    assert [status(one), status(other)] == ["processing"] * 2
    assert fulfilment.asked == [one, other]


def test_unaccepted_message_is_redelivered_alone(fulfilment: Fulfilment) -> None:
    one, other = placed(), placed()
    fulfilment.rejects = {one}

    assert run(one, other, receives=MAX_RECEIVES - 1) == [0]

    assert [status(one), status(other)] == ["pending", "processing"]


def test_last_receive_cancels_the_order_and_returns_its_stock(
    fulfilment: Fulfilment,
) -> None:
    one, other = placed(), placed()
    fulfilment.rejects = {one}
    before = stock()

    assert run(one, other, receives=MAX_RECEIVES) == []
    assert run(one, receives=1) == []

    assert [status(one), status(other)] == ["cancelled", "processing"]
    assert stock() == before + 1


def test_own_failure_does_not_cancel_the_order(
    fulfilment: Fulfilment, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = placed()

    def fail(*_: object) -> None:
        raise TimeoutError

    with monkeypatch.context() as patched:
        patched.setattr(OrderRepository, "save", fail)
        assert run(order_id, receives=MAX_RECEIVES) == [0]

    assert status(order_id) == "pending"


def test_malformed_message_is_redelivered_until_dead_lettered(
    fulfilment: Fulfilment,
) -> None:
    event = json.loads((ROOT / "events/start_processing.json").read_text())
    for body in ("no JSON", "[]", '{"detail": {"type": "order.placed"}}'):
        event["Records"][0]["body"] = body

        response = start_processing.handler(event, Context())

        assert len(response["batchItemFailures"]) == 1


def test_worker_writes_and_logs_have_the_correlation_id_of_the_order(
    fulfilment: Fulfilment, log: LogLines
) -> None:
    run(placed())

    request_id = "6f7c8a52-3d5e-4b7e-9a53-2f1f0a9d4e11"
    assert correlation_id.get() == request_id
    assert log()[-1]["request_id"] == request_id
    assert log()[-1]["message"] == "done"


def test_max_receives_equals_the_queue_setting() -> None:
    function = resources("AWS::Serverless::Function")["StartProcessing"]
    queue = resources("AWS::SQS::Queue")["OrdersToProcess"]

    last = int(function["Environment"]["Variables"]["MAX_RECEIVES"])
    assert last == queue["RedrivePolicy"]["maxReceiveCount"] == MAX_RECEIVES
