"""Messages: an event for one endpoint, with the same id and the same bytes each time it comes."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any  # events are JSON

from shop.clock import from_text
from shop.identifiers import id_of
from shop.webhooks.models import Message

_RANDOM_BITS = 74  # of a UUIDv7


def message_of(endpoint_id: str, event: Mapping[str, Any]) -> Message:
    """Return the message of a CloudEvent; raise KeyError or ValueError for other JSON."""
    event_id, time = event["id"], from_text(event["time"])
    digest = sha256(f"{event_id}\n{endpoint_id}".encode()).digest()
    bits = int.from_bytes(digest) >> (8 * len(digest) - _RANDOM_BITS)
    delivery_id = id_of(round(time.timestamp() * 1000), bits)
    body = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return Message(endpoint_id, delivery_id, event_id, event["type"], body)
