"""A receiver of webhooks on this machine, and the deployed worker that sends to it."""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple  # Any: events and rows are JSON
from uuid import uuid4

from standardwebhooks import Webhook

from shop.clock import to_text
from shop.dynamo.codec import decode, encode
from tests.support.deployed_shop import Shop
from tests.support.event_sources import Queue
from tests.support.waiting import HANG_SECONDS, eventually

LONG_AGO = "2026-01-01T00:00:00.000Z"
SWEEP = json.dumps({"detail": {"type": "webhook.sweep"}})


class Received(NamedTuple):
    peer_port: int
    path: str
    headers: Mapping[str, str]  # with names in lower case
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verify(self, secret: str) -> Any:
        """Return the event; raise an error of the public library for an invalid signature."""
        return Webhook(secret).verify(self.body, dict(self.headers))


type Respond = Callable[[Received], int]


class Receiver:
    """A server that records each request, and responds with the status that `respond` returns."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.respond: Respond = lambda _: 200
        self.headers: dict[str, str] = {}
        self.text = ""
        self._stops = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                received = Received(self.client_address[1], self.path, headers, body)
                receiver.received.append(received)
                status = receiver.respond(received)
                if not status:
                    return
                self.send_response(status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(receiver.text)))
                self.end_headers()
                self.wfile.write(receiver.text.encode())

            def log_message(self, *args: object) -> None:
                """Keep the test output free of access logs."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/in"
        # It looks for the end of the test 20 times a second.
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def is_silent(self, _: Received) -> int:
        """Never respond: a value of `respond`."""
        self._stops.wait()
        return 0

    def of(self, *event_ids: str) -> list[Received]:
        return [it for it in [*self.received] if it.id in event_ids]

    def wait_for(self, event_id: str, count: int = 1) -> list[Received]:
        assert eventually(lambda: len(self.of(event_id)) >= count), self.received
        return self.of(event_id)

    def close(self) -> None:
        self._stops.set()
        self._server.shutdown()
        self._server.server_close()


class Webhooks:
    """The endpoints, the worker and the table of the deployed stack."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.queue = Queue(shop.stack, shop.resources["WebhooksToSend"])
        self.failed = Queue(shop.stack, shop.resources["WebhooksToSendFailed"])
        self._table = shop.resources["WebhooksTable"]
        self._dynamodb = shop.stack.client("dynamodb")

    def publish(self, *types: str, **fields: Any) -> list[str]:
        """Put events on the bus, as the outbox does; return their ids."""
        events = shop_events(types, fields)
        client = self.shop.stack.client("events")
        for start in range(0, len(events), 10):
            entries = [
                {
                    "EventBusName": self.shop.resources["Bus"],
                    "Source": "shop",
                    "DetailType": it["type"],
                    "Detail": json.dumps(it),
                }
                for it in events[start : start + 10]
            ]
            assert client.put_events(Entries=entries)["FailedEntryCount"] == 0
        return [it["id"] for it in events]

    def deliveries(self, endpoint: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return all deliveries of an endpoint, by the API."""
        path, query = f"/api/webhook-endpoints/{endpoint['id']}/deliveries", {"limit": "100"}
        found: list[dict[str, Any]] = []
        while True:
            page = self.shop.admin.http.get(path, params=query).json()
            found += page["data"]
            if page["meta"]["nextCursor"] is None:
                return found
            query["cursor"] = page["meta"]["nextCursor"]

    def delivery(self, endpoint: Mapping[str, Any], event_id: str) -> dict[str, Any] | None:
        found = [it for it in self.deliveries(endpoint) if it["eventId"] == event_id]
        return found[0] if found else None

    def wait_for(self, endpoint: Mapping[str, Any], event_id: str, **fields: Any) -> dict[str, Any]:
        """Wait for the delivery of an event with these fields."""

        def found() -> dict[str, Any] | None:
            delivery = self.delivery(endpoint, event_id)
            is_expected = delivery is not None and fields.items() <= delivery.items()
            return delivery if is_expected else None

        delivery = eventually(found)
        assert delivery is not None, self.delivery(endpoint, event_id)
        return delivery

    def read(self, endpoint: Mapping[str, Any]) -> dict[str, Any]:
        path = f"/api/webhook-endpoints/{endpoint['id']}"
        read: dict[str, Any] = self.shop.admin.http.get(path).json()
        return read

    def patch(self, endpoint: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
        path = f"/api/webhook-endpoints/{endpoint['id']}"
        response = self.shop.admin.http.patch(path, json=fields)
        assert response.status_code == 200, response.text
        patched: dict[str, Any] = response.json()
        return patched

    def redeliver(self, endpoint: Mapping[str, Any], event_id: str | None = None) -> Any:
        path = f"/api/webhook-endpoints/{endpoint['id']}/deliveries"
        body = {} if event_id is None else {"eventId": event_id}
        return self.shop.admin.http.post(path, json=body)

    def state(self, endpoint: Mapping[str, Any]) -> dict[str, Any]:
        """Return the stored endpoint, with the state of its circuit breaker."""
        key = encode({"endpoint_id": "endpoints", "id": endpoint["id"]})
        found = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return decode(found["Item"])

    def change_state(self, endpoint: Mapping[str, Any], **values: Any) -> None:
        self._change({"endpoint_id": "endpoints", "id": endpoint["id"]}, values)

    def let_time_pass(self, endpoint: Mapping[str, Any]) -> None:
        """End the waits of pending deliveries and the rest of the endpoint."""
        if self.state(endpoint)["rests_until"] is not None:
            self.change_state(endpoint, rests_until=LONG_AGO)
        for due_id in self.pending(endpoint):
            due_at, _, id_ = due_id.rpartition("#")
            if due_at > to_text(datetime.now(UTC)):
                key = {"endpoint_id": endpoint["id"], "id": id_}
                changed = {"next_attempt_at": LONG_AGO, "due_id": f"{LONG_AGO}#{id_}"}
                self._change(key, changed)

    def pending(self, endpoint: Mapping[str, Any]) -> list[str]:
        """Return the time and the id of each delivery that waits for an attempt."""
        pages = self._query(endpoint, IndexName="by_due")
        return [decode(item)["due_id"] for page in pages for item in page["Items"]]

    def count(self, endpoint: Mapping[str, Any]) -> int:
        return sum(page["Count"] for page in self._query(endpoint, Select="COUNT"))

    # Any: the pages of botocore.
    def _query(self, endpoint: Mapping[str, Any], **options: Any) -> Any:
        return self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="endpoint_id = :id",
            ExpressionAttributeValues=encode({":id": endpoint["id"]}),
            **options,
        )

    def sweep(self) -> None:
        """Send the message that the schedule sends each minute."""
        self.queue.send(SWEEP)

    def wait_until_idle(self, seconds: float = HANG_SECONDS) -> None:
        assert eventually(self.queue.is_empty, seconds)

    def _change(self, key: dict[str, str], values: Mapping[str, Any]) -> None:
        self._dynamodb.update_item(
            TableName=self._table,
            Key=encode(key),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ExpressionAttributeNames={f"#{name}": name for name in values},
            ExpressionAttributeValues=encode({f":{name}": it for name, it in values.items()}),
        )


@contextmanager
def running_webhooks(shop: Shop) -> Iterator[Webhooks]:
    """Enable the worker, with an empty queue, no endpoints and an early redelivery of messages."""
    webhooks = Webhooks(shop)
    sqs, lambda_ = shop.stack.client("sqs"), shop.stack.client("lambda")
    shop.delete_webhook_endpoints()
    sqs.purge_queue(QueueUrl=webhooks.queue.url)
    sqs.purge_queue(QueueUrl=webhooks.failed.url)
    mapping = shop.resources["SendWebhooksSource"]
    lambda_.update_event_source_mapping(UUID=mapping, Enabled=True)
    # A new sandbox, which knows no endpoints of earlier tests.
    shop.restart("SendWebhooks")
    try:
        with webhooks.queue.redelivery_after(45):
            yield webhooks
    finally:
        lambda_.update_event_source_mapping(UUID=mapping, Enabled=False)
        shop.delete_webhook_endpoints()


def shop_events(types: tuple[str, ...], fields: dict[str, Any]) -> list[dict[str, Any]]:
    """Return CloudEvents with new ids."""
    return [
        {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": "/shop",
            "type": type_,
            "subject": str(uuid4()),
            "time": to_text(datetime.now(UTC)),
            "datacontenttype": "application/json",
            "dataschema": f"urn:shop:event:{type_}:1",
            "data": {"userId": str(uuid4()), "orderId": str(uuid4()), "version": 1},
        }
        | fields
        for type_ in types
    ]


def kill_process_at(port: int) -> None:
    """Kill the process of this machine whose connection on loopback has this port: the worker."""
    [inode] = [
        row[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if (row := line.split())[1] == f"0100007F:{port:04X}"
    ]
    for path in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(path) == f"socket:[{inode}]":
                os.kill(int(path.parts[2]), signal.SIGKILL)
                return
        except OSError:
            continue  # a process or a file that ended
    raise LookupError("no process holds the connection")
