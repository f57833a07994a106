"""Events that trigger emails, put on the deployed bus, and the emails received."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from tests.support.deployed_shop import Shop
from tests.support.waiting import HANG_SECONDS, eventually
from tools.local_cloud.mailbox import Mailbox, Message

WELCOME = "Welcome to the shop"
VERIFICATION = "Confirm your email address"
RESET = "Reset your password"
NEW_ADDRESS = "Your email address was changed"
NEW_PASSWORD = "Your password was changed"
ORDERED = "Your order confirmation"
CANCELLED = "Your order was cancelled"


class Mail:
    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._events = shop.stack.client("events")
        self._sqs = shop.stack.client("sqs")
        self._mailbox = Mailbox(shop.stack.emulator.endpoint)

    def publish(self, type_: str, age: timedelta = timedelta(), **data: Any) -> str:
        """Put an event like the outbox does, and return its id."""
        id_ = str(uuid4())
        self.republish(id_, type_, age, **data)
        return id_

    def republish(self, id_: str, type_: str, age: timedelta = timedelta(), **data: Any) -> None:
        time = (datetime.now(UTC) - age).isoformat()
        detail = {"specversion": "1.0", "id": id_, "source": "/shop", "type": type_, "time": time}
        entry = {
            "EventBusName": self._shop.resources["Bus"],
            "Source": "shop",
            "DetailType": type_,
            "Detail": json.dumps(detail | {"data": data}),
        }
        assert self._events.put_events(Entries=[entry])["FailedEntryCount"] == 0

    def to(self, address: str, subject: str, count: int = 1) -> list[Message]:
        """Wait for a number of emails with this subject to the address, and return them."""

        def got() -> list[Message]:
            return [it for it in self._mailbox.messages(address) if it.subject == subject]

        eventually(lambda: len(got()) >= count)
        return got()

    def wait_until_idle(self, seconds: float = HANG_SECONDS) -> None:
        """Wait until the email queue is empty."""

        def is_empty() -> bool:
            names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
            found = self._sqs.get_queue_attributes(
                QueueUrl=self._shop.resources["EmailsToSend"], AttributeNames=names
            )
            return not any(int(number) for number in found["Attributes"].values())

        assert eventually(is_empty, seconds)

    def outcomes(self, event_id: str) -> list[str]:
        """Return the worker's log messages about the email of an event."""
        lines = [line for line in self.log_lines(event_id) if line.get("id") == event_id]
        return [line["message"] for line in lines if "mail" in line["message"]]

    def log_lines(self, containing: str = "") -> list[dict[str, Any]]:
        """Return all lines of invocations whose log contains a text."""
        found = []
        entries = self._shop.stack.emulator.function_log.read_text().splitlines()
        for entry in (it for it in entries if containing in it):
            for line in json.loads(entry)["lines"]:
                if line.startswith("{"):
                    found.append(json.loads(line))
        return found
