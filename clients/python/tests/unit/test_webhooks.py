"""Deliveries are verified, and everything that is wrong with one is one error."""

import base64
import hmac
import json
import time
from datetime import UTC, datetime
from email.message import Message
from typing import Any

import httpx2
import pytest

from shop_client import webhooks

KEY, OTHER = b"\x07" * 32, b"\x08" * 32
EVENT = {
    "specversion": "1.0",
    "id": "e1",
    "source": "/shop",
    "type": "order.placed",
    "subject": "o1",
    "time": "2026-11-22T18:06:00.123Z",
    "dataschema": "urn:shop:order.placed:1",
    "data": {"orderId": "o1", "version": 1, "note": "grüße"},
}
BODY = json.dumps(EVENT, ensure_ascii=False).encode()
NOW = 1_795_950_000


@pytest.fixture(autouse=True)
def fixed_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: float(NOW))


def secret(key: bytes = KEY) -> str:
    return f"whsec_{base64.b64encode(key).decode()}"


def signed(
    body: bytes = BODY, timestamp: object = NOW, keys: tuple[bytes, ...] = (KEY,)
) -> dict[str, str]:
    content = f"e1.{timestamp}.".encode() + body
    digests = [base64.b64encode(hmac.digest(key, content, "sha256")).decode() for key in keys]
    return {
        "webhook-id": "e1",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{it}" for it in digests),
    }


def message(headers: dict[str, str]) -> Message:
    """Return the headers as `http.server` has them."""
    found = Message()
    for name, value in headers.items():
        found[name.title()] = value
    return found


@pytest.mark.parametrize("of", [dict, httpx2.Headers, message], ids=["dict", "httpx2", "message"])
def test_event_is_returned(of: Any) -> None:
    event = webhooks.verify(BODY, of(signed()), secret())

    assert (event.id, event.source, event.type, event.subject) == (
        *("e1", "/shop", "order.placed", "o1"),
    )
    assert event.time == datetime(2026, 11, 22, 18, 6, 0, 123000, tzinfo=UTC)
    assert event.dataschema == "urn:shop:order.placed:1"
    assert event.correlationid is None
    assert event.data == EVENT["data"]
    assert event.model_extra == {"specversion": "1.0"}


def test_names_of_headers_have_any_case() -> None:
    headers = {name.title(): value for name, value in signed().items()}

    assert webhooks.verify(BODY, headers, secret()).id == "e1"


@pytest.mark.parametrize("key", [KEY, OTHER], ids=["old", "new"])
def test_either_secret_verifies_a_delivery_with_two_signatures(key: bytes) -> None:
    assert webhooks.verify(BODY, signed(keys=(OTHER, KEY)), secret(key)).id == "e1"


def test_one_of_several_secrets_suffices() -> None:
    assert webhooks.verify(BODY, signed(), [secret(OTHER), secret()]).id == "e1"


def test_type_and_fields_of_a_newer_shop_are_accepted() -> None:
    body = json.dumps(EVENT | {"type": "later.type", "new": True}).encode()

    event = webhooks.verify(body, signed(body), secret())

    assert event.type == "later.type"
    assert event.model_extra is not None
    assert event.model_extra["new"] is True


@pytest.mark.parametrize("seconds", [-300, 300])
def test_timestamp_may_differ_by_the_tolerance(seconds: int) -> None:
    assert webhooks.verify(BODY, signed(timestamp=NOW + seconds), secret()).id == "e1"
    with pytest.raises(webhooks.WebhookRejected):
        webhooks.verify(BODY, signed(timestamp=NOW + seconds), secret(), tolerance=299)


def test_no_timestamp_is_tolerated_if_the_tolerance_is_no_number() -> None:
    with pytest.raises(webhooks.WebhookRejected):
        webhooks.verify(BODY, signed(), secret(), tolerance=float("nan"))


@pytest.mark.parametrize("length", [24, 64])
def test_secret_may_have_24_to_64_bytes(length: int) -> None:
    key = b"k" * length

    assert webhooks.verify(BODY, signed(keys=(key,)), secret(key)).id == "e1"


SIGNATURE = signed()["webhook-signature"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"webhook-id": "e1", "webhook-timestamp": str(NOW)},
        signed() | {"webhook-id": ""},
        signed() | {"Webhook-Id": "e1"},
        signed() | {"webhook-id": "e2"},
        signed() | {"webhook-id": "é\udcff"},
        signed() | {"webhook-timestamp": str(NOW - 1)},
        signed(keys=(OTHER,)),
        signed(timestamp=NOW - 301),
        signed(timestamp=NOW + 301),
        signed() | {"webhook-signature": ""},
        signed() | {"webhook-signature": SIGNATURE.replace("v1,", "v1a,")},
        signed() | {"webhook-signature": SIGNATURE[3:]},
        signed() | {"webhook-signature": SIGNATURE[:-4]},
        signed() | {"webhook-signature": f"{SIGNATURE},x"},
        signed() | {"webhook-signature": f"v1,*{SIGNATURE[3:]}"},
        signed() | {"webhook-signature": "v1,ü\udcff"},
    ],
    ids=[
        *("no headers", "no signature", "empty id", "repeated id", "another id"),
        *("id of no text", "another timestamp", "another secret", "old", "future"),
        *("empty signature", "asymmetric scheme", "no version", "cut-off signature"),
        *("more in the signature", "no Base64", "signature of no text"),
    ],
)
def test_delivery_with_other_headers_is_rejected(headers: dict[str, str]) -> None:
    with pytest.raises(webhooks.WebhookRejected):
        webhooks.verify(BODY, headers, secret())


@pytest.mark.parametrize(
    "timestamp",
    [
        *("1.795e9", f"{NOW}.0", f" {NOW}", f"{NOW} ", f"{NOW}\n", f"+{NOW}", "1795_950000"),
        *("0x6b0a", "１７９５９５００００", "-1", "9" * 13, "nan", ""),
    ],
    ids=ascii,
)
def test_malformed_timestamp_is_rejected(timestamp: str) -> None:
    with pytest.raises(webhooks.WebhookRejected):
        webhooks.verify(BODY, signed(timestamp=timestamp), secret())


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b'"\xff"', b'{"id": "e1"}', b'{"id": "e1", "type": 1}'),
        *(b"[" * 100_000, BODY.replace(b"2026", b"soon"), BODY + b"x"),
    ],
    ids=[
        *("empty", "no JSON", "array", "null", "no UTF-8", "no type", "type is a number"),
        *("nested", "no time", "more after the event"),
    ],
)
def test_signed_body_that_is_no_event_is_rejected(body: bytes) -> None:
    with pytest.raises(webhooks.WebhookRejected):
        webhooks.verify(body, signed(body), secret())


def test_another_body_is_rejected() -> None:
    with pytest.raises(webhooks.WebhookRejected, match="signature"):
        webhooks.verify(BODY + b" ", signed(), secret())


@pytest.mark.parametrize(
    "secrets",
    [
        base64.b64encode(KEY).decode(),
        secret(b"k" * 23),
        secret(b"k" * 65),
        f"whsec_*{secret()[7:]}",
        "whsec_ü",
        "",
        [],
        [secret(), ""],
    ],
    ids=["no prefix", "short", "long", "no Base64", "no ASCII", "empty", "none", "one of two"],
)
def test_malformed_secret_is_an_error_of_the_program(secrets: Any) -> None:
    with pytest.raises(ValueError, match="secret"):
        webhooks.verify(BODY, signed(), secrets)
