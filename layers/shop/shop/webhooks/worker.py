"""The deliverer of webhooks and the dispatch of its messages, created on first use."""

from collections.abc import Mapping
from functools import cache
from typing import Any  # events are JSON

from shop.clients import dynamodb, queues, secrets
from shop.clock import now
from shop.config import setting
from shop.email_queue import SqsEmailQueue
from shop.webhooks import message_queue
from shop.webhooks.addresses import is_loopback, is_public
from shop.webhooks.delivering import WebhookDeliverer
from shop.webhooks.master_secret import secret_of
from shop.webhooks.message_queue import SqsWebhookQueue
from shop.webhooks.models import Message
from shop.webhooks.repository import WebhookRepository
from shop.webhooks.sending import Sender, resolve_number


@cache
def webhook_deliverer() -> WebhookDeliverer:
    # Created here by one thread: botocore's session is not thread-safe.
    for client in (dynamodb, queues, secrets):
        client()
    senders = {
        "public": Sender(is_public),
        "loopback": Sender(is_loopback, look_up=resolve_number),
    }
    return WebhookDeliverer(
        WebhookRepository(),
        SqsWebhookQueue(),
        SqsEmailQueue(),
        senders[setting("WEBHOOK_TARGETS")],
        secret_of,
        now,
    )


def handle(event: Mapping[str, Any], may_be_known: bool) -> None:
    """Do the work of a message; raise KeyError for a malformed one."""
    deliverer = webhook_deliverer()
    match event["type"]:
        case message_queue.DELIVERY:
            message = Message(**{name: event[name] for name in Message._fields})
            deliverer.attempt_first(message, may_be_known)
        case message_queue.REDELIVERY:
            deliverer.attempt_again(event["endpoint_id"], event["delivery_id"])
        case message_queue.SWEEP if "endpoint_id" in event:
            deliverer.sweep(event["endpoint_id"])
        case message_queue.SWEEP:
            deliverer.start_sweeps()
        case _:
            deliverer.publish(event, may_be_known)
