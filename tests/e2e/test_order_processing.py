"""Placed orders are processed after the cancellation window, exactly once."""

import json
from collections.abc import Iterator

import pytest

from tests.support.deployed_shop import Shop
from tests.support.event_listener import Listener, held
from tests.support.event_sources import Queue
from tests.support.fault_proxy import FaultProxy, service_error
from tests.support.order_queue import completion_lines, logged, placed, queue_with, status
from tests.support.sent_emails import ORDERED, Mail
from tests.support.waiting import eventually
from tools.deployments import Deployment
from tools.redrive import redrive


@pytest.fixture(scope="module")
def bus(shop: Shop) -> Iterator[Listener]:
    listener = Listener(shop.stack)
    yield listener
    listener.close()


def test_order_shares_one_correlation_id_from_request_to_processing(
    shop: Shop, bus: Listener
) -> None:
    person, product = shop.sign_up(), shop.product()
    with queue_with(shop.stack, DelaySeconds="0"):
        with held(shop.stack, "ProcessOrders"):
            response = person.order((product["id"], 1))
            order = response.json()["id"]
            bus.hears(order, "order.placed")
            assert status(person, order) == "pending"

        events = bus.hears(order, "order.placed", "order.processing")

    request_id = response.headers["X-Request-Id"]
    assert [event["correlationid"] for event in events] == [request_id] * 2
    assert status(person, order) == "processing"
    assert len(Mail(shop).to(person.email, ORDERED)) == 1
    said = ["done", "done", "email sent", "event published", "event published", "request"]
    assert eventually(
        lambda: sorted(it["message"] for it in logged(shop, request_id=request_id)) == said
    )


def test_order_cancelled_in_time_stays_cancelled(shop: Shop, bus: Listener) -> None:
    with queue_with(shop.stack, DelaySeconds="0"):
        with held(shop.stack, "ProcessOrders"):
            person, order, product = placed(shop)
            path = f"/api/users/me/orders/{order}"
            assert person.http.patch(path, json={"status": "cancelled"}).is_success
        assert eventually(lambda: completion_lines(shop, order))

    assert bus.is_quiet(order)
    assert bus.types(order) == ["order.placed", "order.cancelled"]
    assert shop.stock(product) == 10


def test_duplicate_and_unordered_messages_change_nothing(shop: Shop, bus: Listener) -> None:
    with queue_with(shop.stack, DelaySeconds="0") as queue:
        person, order, product = placed(shop)
        bus.hears(order, "order.placed", "order.processing")
        [event] = [it for it in bus.heard if it["detail"]["subject"] == order][:1]
        queue.send_all(*[json.dumps(event)] * 3)
        path = f"/api/users/{person.id}/orders/{order}"
        assert shop.admin.http.patch(path, json={"status": "completed"}).is_success
        queue.send_all(*[json.dumps(event)] * 3)
        assert eventually(lambda: len(completion_lines(shop, order)) == 7)

    bus.hears(order, "order.placed", "order.processing", "order.completed")
    assert bus.is_quiet(order)
    assert shop.stock(product) == 8


def test_order_that_could_not_be_read_is_retried(
    shop: Shop, bus: Listener, faults: FaultProxy
) -> None:
    table = shop.resources["OrdersTable"]
    throttled = service_error("ProvisionedThroughputExceededException")
    with queue_with(shop.stack, DelaySeconds="0", VisibilityTimeout="1"):
        with faults.on(throttled, "GetItem", table=table) as hits:
            _, order, _ = placed(shop)
            assert eventually(lambda: len(hits) >= 3)  # the SDK's number of attempts
        bus.hears(order, "order.placed", "order.processing")


@pytest.mark.parametrize("queue", ["UnpublishedEvents", "OrdersToProcess", "Nothing"])
def test_redrive_moves_dead_letters_only(shop: Shop, queue: str) -> None:
    with pytest.raises(SystemExit):
        redrive(Deployment("default", shop.stack.info_file), queue)


def test_redriven_dead_letters_have_their_effect_once(
    shop: Shop, bus: Listener, faults: FaultProxy
) -> None:
    dead = Queue(shop.stack, shop.resources["FailedOrdersToProcess"])
    table = shop.resources["OrdersTable"]
    throttled = service_error("ProvisionedThroughputExceededException")
    with queue_with(shop.stack, DelaySeconds="0", VisibilityTimeout="2"):
        with faults.on(throttled, "GetItem", table=table):
            person, order, product = placed(shop)
            assert eventually(lambda: not dead.is_empty())
        assert status(person, order) == "pending"

        deployment = Deployment("default", shop.stack.info_file)
        assert redrive(deployment, "FailedOrdersToProcess") == 1

        bus.hears(order, "order.placed", "order.processing")
    assert dead.is_empty()
    assert shop.stock(product) == 8
