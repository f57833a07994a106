"""The queue of webhooks: first attempts, redeliveries and sweeps, beside the events of the bus.

Messages have the format of events from the bus. The group of a message is its endpoint: SQS
delivers those of other endpoints first if one has many (fair queues).
"""

import json
from collections.abc import Sequence
from itertools import batched

from shop.clients import queues
from shop.config import setting
from shop.correlation import correlation_id
from shop.webhooks.models import Message

# Stored in messages and matched by the worker
DELIVERY, REDELIVERY, SWEEP = "webhook.delivery", "webhook.redelivery", "webhook.sweep"
_MAX_ENTRIES = 10  # of SQS


class NotQueued(Exception):
    """SQS did not accept all messages; some of them may be on the queue."""


class SqsWebhookQueue:
    def put(self, messages: Sequence[Message]) -> None:
        """Send first attempts, 10 in a call; raise `NotQueued`."""
        self._send([(it.endpoint_id, {"type": DELIVERY, **it._asdict()}) for it in messages])

    def redeliver(self, endpoint_id: str, delivery_id: str) -> None:
        fields = {"endpoint_id": endpoint_id, "delivery_id": delivery_id}
        self._send([(endpoint_id, {"type": REDELIVERY, **fields})])

    def sweep(self, endpoint_ids: Sequence[str]) -> None:
        self._send([(it, {"type": SWEEP, "endpoint_id": it}) for it in endpoint_ids])

    def _send(self, details: Sequence[tuple[str, dict[str, str]]]) -> None:
        for batch in batched(details, _MAX_ENTRIES, strict=False):
            response = queues().send_message_batch(
                QueueUrl=setting("WEBHOOKS_TO_SEND_QUEUE"),
                Entries=[
                    {
                        "Id": str(number),
                        "MessageBody": _body(endpoint_id, detail),
                        "MessageGroupId": endpoint_id,
                    }
                    for number, (endpoint_id, detail) in enumerate(batch)
                ],
            )
            if response.get("Failed"):
                raise NotQueued


def _body(endpoint_id: str, detail: dict[str, str]) -> str:
    shared = {"subject": endpoint_id, "correlationid": correlation_id.get()}
    return json.dumps({"detail": {**detail, **shared}}, ensure_ascii=False)
