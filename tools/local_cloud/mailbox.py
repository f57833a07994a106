"""The mail that was sent by SES in the local cloud."""

import json
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime

# Of the emulator's port: every message as JSON, and the page that shows them.
MESSAGES_PATH = "/_ministack/ses/messages"
PAGE_PATH = "/_local/mailbox"


@dataclass(frozen=True)
class Message:
    """One message, whoever of ``to`` reads it; ``html`` is empty if there is only text."""

    id: str
    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str
    sent_at: datetime


class Mailbox:
    """Everybody's: ``emulator`` is the URL of the AWS APIs, as in ``.local/stack.json``."""

    def __init__(self, emulator: str) -> None:
        self._url = f"{emulator}{MESSAGES_PATH}"

    def messages(self, to: str | None = None) -> list[Message]:
        """What was sent, oldest first, to anybody or to one address."""
        # Not by a proxy that the environment may name.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self._url, timeout=10) as answer:
            sent = read_messages(answer.read())
        return [it for it in sent if to is None or to in it.to]


def read_messages(content: bytes) -> list[Message]:
    """Parse the emulator's JSON, oldest message first."""
    return [
        Message(
            id=it["MessageId"],
            sender=it["Source"],
            to=(*it["To"], *it["CC"], *it["BCC"]),
            subject=it["Subject"],
            text=it["BodyText"] or "",
            html=it["BodyHtml"] or "",
            sent_at=datetime.fromtimestamp(it["Timestamp"], UTC),
        )
        for messages in json.loads(content)["messages"].values()
        for it in messages
    ]
