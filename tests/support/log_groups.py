"""The CloudWatch log groups of the deployed stack."""

import json
import time
from typing import Any  # a log line is JSON

from tests.support.deployed_shop import Shop

MAX_EVENTS = 10_000  # the emulator's limit; it has no second page


class Logs:
    """The lines of the stack's log groups since this object was created."""

    def __init__(self, shop: Shop) -> None:
        self._client = shop.stack.client("logs")
        self._groups = [
            group["logGroupName"]
            for group in self._client.describe_log_groups()["logGroups"]
            if group["logGroupName"].startswith("/shop-local/")
        ]
        assert {name.rpartition("/")[2] for name in self._groups} >= {"http", "workers", "ops"}
        self._since = int(time.time() * 1000) - 1

    def texts(self, containing: str = "") -> list[str]:
        """Return all lines, or those that contain a text."""
        found: list[str] = []
        for group in self._groups:
            events = self._client.filter_log_events(
                logGroupName=group,
                startTime=self._since,
                filterPattern=f'"{containing}"' if containing else "",
            )["events"]
            assert len(events) < MAX_EVENTS
            found += [event["message"] for event in events]
        return found

    def lines(self, containing: str, **values: Any) -> list[dict[str, Any]]:
        """Return the functions' own lines with this text and these values."""
        texts = [text for text in self.texts(containing) if text.startswith('{"level"')]
        found: list[dict[str, Any]] = [json.loads(text) for text in texts]
        return [
            line for line in found if all(line.get(name) == value for name, value in values.items())
        ]
