"""Emails sent by SES in the local cloud."""

import json
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

# Paths on the emulator's port: the mailbox as a page, and as a JSON array.
PAGE_PATH = "/_local/mailbox"
JSON_PATH = "/_local/mailbox.json"


@dataclass(frozen=True)
class Message:
    """One email to all of ``to``; ``html`` is empty if there is only text."""

    id: str
    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str
    sent_at: datetime

    # Any: JSON.
    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "sent_at": self.sent_at.isoformat()}


class Mailbox:
    """Mailbox of all recipients; ``emulator`` is the URL of the AWS APIs."""

    def __init__(self, emulator: str) -> None:
        self._url = f"{emulator}{JSON_PATH}"
        # Bypass proxies of the environment.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def messages(self, to: str = "") -> list[Message]:
        """Return the emails, oldest first; ``to`` selects one recipient."""
        with self._opener.open(f"{self._url}?{urlencode({'to': to})}", timeout=10) as response:
            found = json.load(response)
        return [
            Message(**it | {"to": (*it["to"],), "sent_at": datetime.fromisoformat(it["sent_at"])})
            for it in found
        ]
