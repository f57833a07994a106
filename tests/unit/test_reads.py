"""Batch reads are consistent and parallel, and unprocessed keys are retried."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from shop.dynamo import reads
from shop.errors import ServiceUnavailable

KEYS = {"t": {"Keys": [{"id": {"S": "a"}}, {"id": {"S": "b"}}], "ConsistentRead": True}}
LEFT = {"t": {"Keys": [{"id": {"S": "b"}}], "ConsistentRead": True}}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Stubber:
    real = boto3.client("dynamodb", region_name="us-east-1")
    monkeypatch.setattr(reads, "dynamodb", lambda: real)
    stub = Stubber(real)
    stub.activate()
    return stub


def respond_with(stub: Stubber, asked: Any, *ids: str, left: Any = None) -> None:
    found = {"Responses": {"t": [{"id": {"S": id_}} for id_ in ids]}, "UnprocessedKeys": left or {}}
    stub.add_response("batch_get_item", found, {"RequestItems": asked})


def read() -> dict[str, list[dict[str, Any]]]:
    keys = {"t": [{"id": "a"}, {"id": "b"}], "unused": []}
    return reads.batch_get(keys, pause=lambda _: None)


def test_reads_are_consistent_and_skip_tables_without_keys(client: Stubber) -> None:
    respond_with(client, KEYS, "a")

    assert read() == {"t": [{"id": "a"}], "unused": []}


def test_unprocessed_keys_are_retried(client: Stubber) -> None:
    respond_with(client, KEYS, "a", left=LEFT)
    respond_with(client, LEFT, "b")

    assert read()["t"] == [{"id": "a"}, {"id": "b"}]


def test_persistently_unprocessed_keys_end_in_503(client: Stubber) -> None:
    respond_with(client, KEYS, "a", left=LEFT)
    for _ in range(3):
        respond_with(client, LEFT, left=LEFT)

    with pytest.raises(ServiceUnavailable) as rejection:
        read()

    assert rejection.value.retry_after == 1
