"""Emails sent by SES in the local cloud."""

import json
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime

# Paths on the emulator's port: all emails as JSON, and the mailbox page.
MESSAGES_PATH = "/_ministack/ses/messages"
PAGE_PATH = "/_local/mailbox"


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


class Mailbox:
    """Mailbox of all recipients; ``emulator`` is the URL of the AWS APIs."""

    def __init__(self, emulator: str) -> None:
        self._url = f"{emulator}{MESSAGES_PATH}"

    def messages(self, to: str | None = None) -> list[Message]:
        """Return the emails, oldest first; ``to`` selects one recipient."""
        # Bypass proxies of the environment.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self._url, timeout=10) as response:
            sent = read_messages(response.read())
        return [it for it in sent if to is None or to in it.to]


def read_messages(content: bytes) -> list[Message]:
    """Parse the emulator's JSON, oldest email first."""
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
