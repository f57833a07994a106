"""Requests for emails, on the queue that also holds the events for the email worker."""

import json
from collections.abc import Mapping
from datetime import datetime

from shop.clients import queues
from shop.clock import to_text
from shop.config import setting
from shop.correlation import correlation_id

# Stored in messages and matched by the worker, so the values stay.
VERIFICATION_REQUESTED = "mail.verification_wanted"
RESET_REQUESTED = "mail.reset_wanted"
WEBHOOK_DISABLED = "mail.webhook_disabled"
PERSONAL_DATA_EXPORTED = "mail.personal_data_exported"
SECOND_FACTOR_CHANGED = "mail.second_factor_changed"


class SqsEmailQueue:
    def put(self, id_: str, type_: str, time: datetime, data: Mapping[str, str]) -> None:
        """Send a request. A retry after a lost response sends it twice under one id, and the worker
        sends one email.
        """
        body = json.dumps(_message(id_, type_, time, data))
        queues().send_message(QueueUrl=setting("EMAILS_TO_SEND_QUEUE"), MessageBody=body)


def _message(id_: str, type_: str, time: datetime, data: Mapping[str, str]) -> dict[str, object]:
    """Return the request in the format of an event from the bus."""
    event = {
        "specversion": "1.0",
        "id": id_,
        "source": "/shop",
        "type": type_,
        "time": to_text(time),
        "data": dict(data),
        "correlationid": correlation_id.get(),
    }
    return {"detail": event}
