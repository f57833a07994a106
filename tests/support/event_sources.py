"""Tables, queues and mappings of single tests, and the invocations they cause."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.support.waiting import HANG_SECONDS, eventually
from tools.local_cloud.stack import LocalStack

# Any: events, messages and items are any JSON.
Record = dict[str, Any]


@dataclass(frozen=True)
class Invocation:
    function: str
    version: str
    at: float
    records: list[Record]

    @property
    def ids(self) -> list[str]:
        return [it["dynamodb"]["Keys"]["id"]["S"] for it in self.records]

    @property
    def bodies(self) -> list[str]:
        return [it["body"] for it in self.records]


def invocations(stack: LocalStack, source: str) -> list[Invocation]:
    """Return the invocations of the watchers with records of a stream or a queue."""
    found = []
    for line in stack.emulator.function_log.read_text().splitlines():
        entry = json.loads(line)
        for it in entry["lines"]:
            if it.startswith('{"records"') and source in it:
                content = json.loads(it)
                found.append(Invocation(**content, at=entry["time"] / 1000))
    return found


class Queue:
    """A new queue, or one of the stack by its URL."""

    def __init__(self, stack: LocalStack, url: str | None = None, **attributes: str) -> None:
        self._stack = stack
        self._sqs = stack.client("sqs")
        self.url: str = (
            url
            or self._sqs.create_queue(QueueName=f"queue-{uuid4().hex[:12]}", Attributes=attributes)[
                "QueueUrl"
            ]
        )
        self.arn = self.attribute("QueueArn")

    def attribute(self, name: str) -> str:
        attributes = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=[name])
        value: str = attributes["Attributes"][name]
        return value

    def change(self, name: str, value: str) -> None:
        self._sqs.set_queue_attributes(QueueUrl=self.url, Attributes={name: value})

    def is_empty(self) -> bool:
        """Whether no message is visible, delayed or in flight."""
        names = ("", "NotVisible", "Delayed")
        return not any(int(self.attribute(f"ApproximateNumberOfMessages{it}")) for it in names)

    def send(self, body: str, **more: Any) -> str:
        sent: str = self._sqs.send_message(QueueUrl=self.url, MessageBody=body, **more)["MessageId"]
        return sent

    def send_all(self, *bodies: str) -> None:
        entries = [{"Id": str(it), "MessageBody": body} for it, body in enumerate(bodies)]
        self._sqs.send_message_batch(QueueUrl=self.url, Entries=entries)

    def received(self, count: int = 1, seconds: float = HANG_SECONDS) -> list[str]:
        """Receive and delete ``count`` messages; return their bodies."""
        return [it["Body"] for it in self.messages(count, seconds)]

    def messages(self, count: int = 1, seconds: float = HANG_SECONDS) -> list[Record]:
        found: list[Record] = []
        deadline = time.monotonic() + seconds
        while len(found) < count and time.monotonic() < deadline:
            response = self._sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=1,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            )
            for message in response.get("Messages", []):
                found.append(message)
                self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return found

    @contextmanager
    def redelivery_after(self, seconds: int) -> Iterator[None]:
        """Redeliver messages that are not deleted within this time."""
        name = "VisibilityTimeout"
        before = self.attribute(name)
        self.change(name, str(seconds))
        try:
            yield
        finally:
            self.change(name, before)

    def follow(self, function: str = "Watcher", **options: Any) -> str:
        return follow(self._stack, self.arn, function, **options)

    def seen(self) -> list[Invocation]:
        return invocations(self._stack, self.arn)

    def processed(self) -> list[str]:
        return [body for it in self.seen() for body in it.bodies]


class Table:
    """A new table with a stream, to map to the watchers."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self.dynamodb = stack.client("dynamodb")
        self.name = f"table-{uuid4().hex[:12]}"
        created = self.dynamodb.create_table(
            TableName=self.name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        self.stream: str = created["TableDescription"]["LatestStreamArn"]

    def put(self, name: str, do: str = "") -> None:
        self.dynamodb.put_item(
            TableName=self.name, Item={"id": {"S": name}, **({"do": {"S": do}} if do else {})}
        )

    def follow(self, function: str = "Watcher", **options: Any) -> str:
        """Map the stream from its start, so earlier items are one batch."""
        return follow(
            self._stack, self.stream, function, **({"StartingPosition": "TRIM_HORIZON"} | options)
        )

    def batches(self, count: int, seconds: float = HANG_SECONDS) -> list[list[str]]:
        """Wait for ``count`` invocations; return the item ids of each."""
        eventually(lambda: len(self.seen()) >= count, seconds)
        return [it.ids for it in self.seen()]

    def seen(self) -> list[Invocation]:
        return invocations(self._stack, self.stream)


def follow(stack: LocalStack, source: str, function: str, **options: Any) -> str:
    mapped: str = stack.client("lambda").create_event_source_mapping(
        EventSourceArn=source, FunctionName=f"{stack.resources()[function]}:live", **options
    )["UUID"]
    return mapped
