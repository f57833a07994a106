"""The deployed queue of orders to process, and its worker's log lines."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.deployed_shop import Person, Shop
from tests.support.event_sources import Queue
from tools.local_cloud.stack import LocalStack


@contextmanager
def queue_with(stack: LocalStack, **attributes: str) -> Iterator[Queue]:
    """The orders' queue, emptied, with changed attributes and an enabled worker."""
    sqs, queue = stack.client("sqs"), Queue(stack, stack.resources()["OrdersToProcess"])
    before = {name: queue.attribute(name) for name in attributes}
    sqs.purge_queue(QueueUrl=queue.url)
    lambda_, mapping = stack.client("lambda"), stack.resources()["ProcessOrders"]
    # The original attributes first: Lambda rejects a mapping if the visibility timeout is too
    # short.
    lambda_.update_event_source_mapping(UUID=mapping, Enabled=True)
    try:
        sqs.set_queue_attributes(QueueUrl=queue.url, Attributes=attributes)
        yield queue
    finally:
        sqs.set_queue_attributes(QueueUrl=queue.url, Attributes=before)
        lambda_.update_event_source_mapping(UUID=mapping, Enabled=False)


def placed(shop: Shop) -> tuple[Person, str, dict[str, Any]]:
    person, product = shop.sign_up(), shop.product()
    response = person.order((product["id"], 2))
    assert response.status_code == 201
    return person, response.json()["id"], product


def status(person: Person, order: str) -> str:
    found: str = person.http.get(f"/api/users/me/orders/{order}").json()["status"]
    return found


def logged(shop: Shop, **values: str) -> list[dict[str, Any]]:
    """Return the functions' log lines with these values."""
    entries = shop.stack.emulator.function_log.read_text().splitlines()
    # Parsing all of them takes a second late in a run.
    named = [entry for entry in entries if all(value in entry for value in values.values())]
    lines = [line for entry in named for line in json.loads(entry)["lines"]]
    found = [json.loads(line) for line in lines if line.startswith('{"level"')]
    return [
        line for line in found if all(line.get(name) == value for name, value in values.items())
    ]


def completion_lines(shop: Shop, order: str) -> list[Any]:
    """Return the worker's final log lines of the order."""
    worker = shop.resources["StartProcessing"]
    return logged(shop, message="done", subject=order, function_name=worker)
