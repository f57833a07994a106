"""Mail that is sent in the local cloud can be read there."""

from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tools.local_cloud.mailbox import Mailbox
from tools.local_cloud.stack import LocalStack


def send(stack: LocalStack, to: str, sender: str = "shop@example.com") -> None:
    body: dict[str, Any] = {
        "Text": {"Data": "It is on its way."},
        "Html": {"Data": "<p>It is.</p>"},
    }
    stack.client("sesv2").send_email(
        FromEmailAddress=sender,
        Destination={"ToAddresses": [to]},
        Content={"Simple": {"Subject": {"Data": "Your order"}, "Body": body}},
    )


def test_what_a_declared_sender_sent_is_read_by_its_receiver(stack: LocalStack) -> None:
    ada = f"ada.{uuid4().hex[:8]}@example.com"
    send(stack, ada)
    send(stack, "grace@example.com")

    [message] = Mailbox(stack.emulator.endpoint).messages(ada)

    assert (message.sender, message.to) == ("shop@example.com", (ada,))
    assert (message.subject, message.text) == ("Your order", "It is on its way.")
    assert message.html == "<p>It is.</p>"


def test_who_is_not_declared_sends_nothing(stack: LocalStack) -> None:
    with pytest.raises(ClientError, match="not verified"):
        send(stack, "ada@example.com", sender="stranger@example.org")
