"""Damaged DynamoDB responses are retried, and never read as empty."""

import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from shop import clients
from shop.clients import MAX_ATTEMPTS, DamagedResponse
from shop.http.rendering import as_shop_error

FOUND = b'{"Item": {"id": {"S": "1"}}}'
SECRET = b'{"SecretString": "{}", "VersionId": "1"}'


class Raw:
    """The raw response that botocore reads a body from."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        yield self._body


def response_of(body: bytes, checked: bytes | None = None, status: int = 200) -> AWSResponse:
    """Return a response with the checksum of `checked`, if any."""
    headers = HTTPHeaders()
    if checked is not None:
        headers["x-amz-crc32"] = str(zlib.crc32(checked))
    return AWSResponse("http://x", status, headers, Raw(body))


def asked(client: Any, responses: list[AWSResponse], call: Callable[[Any], Any]) -> tuple[Any, int]:
    """Return the result of the call and the number of responses used."""
    sent = 0

    def send(**_: object) -> AWSResponse:
        nonlocal sent
        sent += 1
        return responses[min(sent, len(responses)) - 1]

    client.meta.events.register_first("before-send", send)
    try:
        return call(client), sent
    finally:
        client.meta.events.unregister("before-send", send)


def item(client: Any) -> Any:
    return client.get_item(TableName="users", Key={"id": {"S": "1"}}).get("Item")


def secret(client: Any) -> Any:
    return client.get_secret_value(SecretId="keys")["SecretString"]


DAMAGED = {
    "another checksum": response_of(FOUND, b"{}"),
    "cut, with a checksum": response_of(FOUND[:-2], FOUND),
    "cut, without": response_of(FOUND[:-2]),
    "a page of a proxy": response_of(b"<html>504</html>"),
    "no text": response_of(b"\xff\xfe\x00"),
    "nothing": response_of(b""),
    "an error that is cut": response_of(b'{"__type": "Valida', status=400),
}


@pytest.mark.parametrize("damaged", DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_response_is_retried(damaged: AWSResponse) -> None:
    whole = response_of(FOUND, FOUND)

    found, sent = asked(clients.dynamodb(), [damaged, whole], item)

    assert (found, sent) == ({"id": {"S": "1"}}, 2)


@pytest.mark.parametrize("damaged", DAMAGED.values(), ids=DAMAGED.keys())
def test_persistently_damaged_response_is_a_dependency_error(damaged: AWSResponse) -> None:
    with pytest.raises(DamagedResponse) as failed:
        asked(clients.dynamodb(), [damaged], item)

    assert as_shop_error(failed.value).status == 503


def test_damaged_response_without_a_checksum_is_detected() -> None:
    assert asked(
        clients.secrets(), [response_of(b"{"), response_of(b""), response_of(SECRET)], secret
    ) == (
        "{}",
        MAX_ATTEMPTS,
    )


def test_intact_response_is_returned_unchanged() -> None:
    for whole in (response_of(FOUND), response_of(FOUND, FOUND)):
        assert asked(clients.dynamodb(), [whole], item) == ({"id": {"S": "1"}}, 1)
    assert asked(clients.dynamodb(), [response_of(b"{}", b"{}")], item) == (None, 1)
