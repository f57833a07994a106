"""A listener for events on the bus of the deployed stack."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from tests.support.event_sources import Queue
from tests.support.waiting import HANG_SECONDS, eventually
from tools.local_cloud.stack import LocalStack

# Any: events are arbitrary JSON.
Event = dict[str, Any]


class Listener:
    """A rule and a queue of one test that receive all events of the shop."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.resources = stack.resources()
        self._bus = self.resources["Bus"]
        self._rule = f"rule-{uuid4().hex[:12]}"
        self._queue = Queue(stack)
        self._events = stack.client("events")
        self.heard: list[Event] = []
        rule = self._events.put_rule(
            Name=self._rule, EventBusName=self._bus, EventPattern='{"source": ["shop"]}'
        )["RuleArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": self._queue.arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        stack.client("sqs").set_queue_attributes(
            QueueUrl=self._queue.url, Attributes={"Policy": policy}
        )
        self._events.put_targets(
            Rule=self._rule, EventBusName=self._bus, Targets=[{"Id": "1", "Arn": self._queue.arn}]
        )

    def close(self) -> None:
        self._events.remove_targets(Rule=self._rule, EventBusName=self._bus, Ids=["1"])
        self._events.delete_rule(Name=self._rule, EventBusName=self._bus)

    def listen(self) -> list[Event]:
        """Return all events so far, in the order of arrival."""
        sqs = self.stack.client("sqs")
        while messages := sqs.receive_message(QueueUrl=self._queue.url, MaxNumberOfMessages=10).get(
            "Messages", []
        ):
            for message in messages:
                self.heard.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=self._queue.url, ReceiptHandle=message["ReceiptHandle"])
        return self.heard

    def of(self, *subjects: str) -> list[Event]:
        """Return the CloudEvents with these subjects so far."""
        details = [event["detail"] for event in self.listen()]
        return [detail for detail in details if detail.get("subject") in subjects]

    def types(self, subject: str) -> list[str]:
        return [event["type"] for event in self.of(subject)]

    def hears(self, subject: str, *types: str, within: float = HANG_SECONDS) -> list[Event]:
        """Wait until the events of a subject are exactly these, and return them."""
        assert eventually(lambda: self.types(subject) == [*types], within), self.types(subject)
        return self.of(subject)

    def is_quiet(self, *subjects: str) -> bool:
        """Return whether no further event of these subjects arrives within a second."""
        before = len(self.of(*subjects))
        time.sleep(1)
        return len(self.of(*subjects)) == before

    @contextmanager
    def bus_down(self) -> Iterator[None]:
        """Deny the publisher access to the bus while the block runs."""
        iam = self.stack.client("iam")
        function = self.stack.client("lambda").get_function_configuration(
            FunctionName=self.resources["PublishEvents"]
        )
        role = function["Role"].rpartition("/")[2]
        statement = {"Effect": "Deny", "Action": "events:PutEvents", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName=role, PolicyName="down", PolicyDocument=policy)
        try:
            yield
        finally:
            iam.delete_role_policy(RoleName=role, PolicyName="down")

    @contextmanager
    def held(self, mapping: str) -> Iterator[None]:
        """Disable an event source mapping, so that its source's records wait and form one batch."""
        with held(self.stack, mapping):
            yield


@contextmanager
def held(stack: LocalStack, mapping: str) -> Iterator[None]:
    """Disable an event source mapping, by its logical id, while the block runs."""
    lambda_, uuid = stack.client("lambda"), stack.resources()[mapping]
    lambda_.update_event_source_mapping(UUID=uuid, Enabled=False)
    try:
        yield
    finally:
        lambda_.update_event_source_mapping(UUID=uuid, Enabled=True)
