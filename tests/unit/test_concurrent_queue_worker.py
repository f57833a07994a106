"""A worker that handles the messages of a batch at once."""

import json
import threading
from typing import Any

from shop.correlation import correlation_id
from shop.entrypoints.queue import Delivery, concurrent_queue_worker
from tests.support.gateway_events import Context
from tests.support.log_lines import LogLines


def batch(*bodies: object, receives: int = 1) -> dict[str, Any]:
    records = [
        {
            "messageId": str(number),
            "body": body if isinstance(body, str) else json.dumps(body),
            "attributes": {"ApproximateReceiveCount": str(receives)},
        }
        for number, body in enumerate(bodies)
    ]
    return {"Records": records}


def detail(**fields: object) -> dict[str, object]:
    return {"detail": {"type": "webhook.sweep", **fields}}


def test_messages_of_a_batch_run_at_once_after_the_preparation() -> None:
    together, order = threading.Barrier(8), ["nothing"]

    @concurrent_queue_worker(prepare=lambda: order.append("prepared"))
    def handler(delivery: Delivery) -> None:
        assert order == ["nothing", "prepared"]
        together.wait(timeout=60)

    assert handler(batch(*[detail()] * 8), Context()) == {"batchItemFailures": []}


def test_failed_messages_are_reported_and_the_others_are_done(log: LogLines) -> None:
    @concurrent_queue_worker(prepare=lambda: None)
    def handler(delivery: Delivery) -> None:
        if delivery.event["number"] % 2:
            raise OSError

    result = handler(batch(*(detail(number=n) for n in range(4)), "{", "[]"), Context())

    failed = [it["itemIdentifier"] for it in result["batchItemFailures"]]
    assert failed == ["1", "3", "4", "5"]
    assert sorted(it["message"] for it in log()) == ["done"] * 2 + ["failed"] * 4


def test_each_message_has_its_own_correlation_id(log: LogLines) -> None:
    seen = {}

    @concurrent_queue_worker(prepare=lambda: None)
    def handler(delivery: Delivery) -> None:
        seen[delivery.event["number"]] = correlation_id.get()

    handler(batch(*(detail(number=n, correlationid=f"id-{n}") for n in range(8))), Context())

    assert seen == {n: f"id-{n}" for n in range(8)}
    assert sorted(it["request_id"] for it in log()) == [f"id-{n}" for n in range(8)]


def test_delivery_states_receives_and_replays() -> None:
    seen: list[Delivery] = []

    @concurrent_queue_worker(prepare=lambda: None)
    def handler(delivery: Delivery) -> None:
        seen.append(delivery)

    handler(batch(detail() | {"replay-name": "again"}, receives=3), Context())
    handler(batch(detail()), Context())

    assert [(it.is_replay, it.receives) for it in seen] == [(True, 3), (False, 1)]
    assert seen[0].seconds_left() == 30
