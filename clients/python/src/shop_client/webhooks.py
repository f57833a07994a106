"""Webhooks: verification of deliveries, by Standard Webhooks (scheme `v1`)."""

import base64
import hmac
import re
import time
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from pydantic import AwareDatetime, ValidationError

from shop_client._model import Model

TIMESTAMP = re.compile(r"[0-9]{1,12}")
# Bytes of a secret, by the specification
MIN_SECRET, MAX_SECRET = 24, 64


class Headers(Protocol):
    """Headers of a request: a `dict`, or the object of a web framework."""

    def items(self) -> Iterable[tuple[str, str]]: ...


class Event(Model):
    """An event of the shop: a CloudEvent. A newer shop may have other types and more fields."""

    id: str
    """The same for every delivery of this event: use it to process an event once."""
    source: str
    type: str
    subject: str
    """The id of the user, order or endpoint."""
    time: AwareDatetime
    dataschema: str
    correlationid: str | None = None
    data: dict[str, Any]


class WebhookRejected(Exception):
    """The delivery is not authentic, too old, or malformed.

    Respond with 400, and process nothing.
    """


def verify(
    body: bytes, headers: Headers, secrets: str | Sequence[str], tolerance: float = 300
) -> Event:
    """Return the event of a delivery; raise `WebhookRejected` for anything that is wrong with it.

    `body` is the raw body, before any JSON parser: the signature covers its bytes. `secrets` is the
    endpoint's secret, `whsec_…`, or several during a change of secrets. `tolerance` is how many
    seconds the timestamp may differ from this machine's clock, in both directions. A malformed
    secret is an error of the program: `ValueError`.
    """
    keys = [_key(it) for it in ([secrets] if isinstance(secrets, str) else secrets)]
    if not keys:
        raise ValueError("There is no secret.")
    id_ = _header(headers, "webhook-id")
    timestamp = _header(headers, "webhook-timestamp")
    signatures = _header(headers, "webhook-signature").encode(errors="replace").split(b" ")
    if not TIMESTAMP.fullmatch(timestamp):
        raise WebhookRejected("The timestamp is malformed.")
    if not abs(time.time() - int(timestamp)) <= tolerance:  # `nan` allows nothing
        raise WebhookRejected("The timestamp is outside the tolerance.")
    signed = f"{id_}.{timestamp}.".encode(errors="replace") + body
    expected = [b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256")) for key in keys]
    if not any(hmac.compare_digest(a, b) for a in expected for b in signatures):
        raise WebhookRejected("No signature matches.")
    try:
        return Event.model_validate_json(body)
    except ValidationError as error:
        raise WebhookRejected("The body is not an event.") from error


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith("whsec_") or not MIN_SECRET <= len(key) <= MAX_SECRET:
        raise ValueError("A secret is whsec_ and the Base64 of 24 to 64 bytes.")
    return key


def _header(headers: Headers, name: str) -> str:
    values = [value for key, value in headers.items() if key.lower() == name]
    if len(values) != 1 or not values[0]:
        raise WebhookRejected(f"The header {name} is missing or repeated.")
    return values[0]
