"""Signatures of Standard Webhooks, scheme `v1`: HMAC-SHA256 of id, timestamp and body.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import hmac
from base64 import b64encode
from collections.abc import Sequence

_PREFIX = "whsec_"


def derive_secret(master: bytes, endpoint_id: str, version: int) -> bytes:
    """Return a secret of an endpoint, 32 bytes derived from the stored one: no table has it."""
    return hmac.digest(master, f"webhook {endpoint_id} {version}".encode(), "sha256")


def secret_text(secret: bytes) -> str:
    return _PREFIX + b64encode(secret).decode()


def signed_headers(
    message_id: str, timestamp: int, body: bytes, secrets: Sequence[bytes]
) -> dict[str, str]:
    """Return the headers of a delivery, with a signature for each secret."""
    content = f"{message_id}.{timestamp}.".encode() + body
    signatures = [b64encode(hmac.digest(it, content, "sha256")).decode() for it in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{it}" for it in signatures),
    }
