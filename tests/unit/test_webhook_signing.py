"""Signatures of webhooks, verified by the public library of Standard Webhooks."""

import time
from base64 import b64decode

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from shop.webhooks.signing import derive_secret, secret_text, signed_headers

MASTER = b"m" * 64
BODY = '{"type":"order.placed","note":"grüße"}'.encode()


def verify(secret: bytes, body: bytes, headers: dict[str, str]) -> object:
    return Webhook(secret_text(secret)).verify(body, headers)


def test_public_library_verifies_a_signature_of_each_secret() -> None:
    previous, present = (derive_secret(MASTER, "endpoint", version) for version in (1, 2))

    headers = signed_headers("0190", int(time.time()), BODY, [present, previous])

    for secret in (present, previous):
        assert verify(secret, BODY, headers) == {"type": "order.placed", "note": "grüße"}
    assert headers["webhook-signature"].count("v1,") == 2


@pytest.mark.parametrize(
    ("changed", "body"),
    [
        ({"webhook-id": "0191"}, BODY),
        ({"webhook-timestamp": "1795950000"}, BODY),
        ({"webhook-timestamp": str(int(time.time()) + 2)}, BODY),
        ({}, BODY + b" "),
    ],
    ids=["id", "old timestamp", "other timestamp", "body"],
)
def test_public_library_rejects_a_changed_delivery(changed: dict[str, str], body: bytes) -> None:
    secret = derive_secret(MASTER, "endpoint", 1)
    headers = signed_headers("0190", int(time.time()), BODY, [secret]) | changed

    with pytest.raises(WebhookVerificationError):
        verify(secret, body, headers)


def test_public_library_rejects_another_secret() -> None:
    headers = signed_headers("0190", int(time.time()), BODY, [derive_secret(MASTER, "endpoint", 1)])

    with pytest.raises(WebhookVerificationError):
        verify(derive_secret(MASTER, "endpoint", 2), BODY, headers)


def test_secrets_differ_by_endpoint_version_and_deployment() -> None:
    secrets = {
        derive_secret(MASTER, "a", 1),
        derive_secret(MASTER, "a", 2),
        derive_secret(MASTER, "b", 1),
        derive_secret(b"n" * 64, "a", 1),
    }

    assert len(secrets) == 4
    assert all(len(it) == 32 for it in secrets)
    for secret in secrets:
        assert b64decode(secret_text(secret).removeprefix("whsec_")) == secret
    # A release must not change the secrets of existing endpoints.
    assert derive_secret(b"m", "a", 1) == derive_secret(b"m", "a", 1)
    assert derive_secret(b"m", "a", 1).hex() == DERIVED


DERIVED = "0495e0e9769f78af40e0cbb26f924d6bd824effcb513e1d5fbbfe54fd8300a82"
