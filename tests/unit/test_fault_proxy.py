"""The fault proxy: the SDK accepts its responses as those of DynamoDB."""

import time
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from tests.fakes.dynamodb_server import KEY, FakeDynamoDB, database, proxy
from tests.support import fault_proxy
from tests.support.fault_proxy import FaultProxy
from tests.support.waiting import HANG_SECONDS

__all__ = ["database", "proxy"]

IMPATIENCE = 0.3  # seconds without a byte until a client times out
TRANSACTION: list[Any] = [
    {"Put": {"TableName": "orders", "Item": KEY}},
    {"Delete": {"TableName": "products", "Key": KEY}},
]


# Any: boto3 creates its clients at run time.
def client_of(proxy: FaultProxy, read_timeout: float) -> Any:
    config = Config(retries={"total_max_attempts": 1}, read_timeout=read_timeout)
    return boto3.client("dynamodb", endpoint_url=proxy.url, config=config)


@pytest.fixture
def client(proxy: FaultProxy) -> Any:
    return client_of(proxy, HANG_SECONDS)


@pytest.fixture
def impatient(proxy: FaultProxy) -> Any:
    return client_of(proxy, IMPATIENCE)


def test_call_without_a_fault_passes_unchanged(
    client: Any, database: FakeDynamoDB, proxy: FaultProxy
) -> None:
    for _ in range(2):
        client.get_item(TableName="orders", Key=KEY)

    for headers, body in database.asked:
        assert headers["Host"] == f"127.0.0.1:{proxy.port}"
        assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 ")
        assert body == {"TableName": "orders", "Key": KEY}
    assert len(database.asked) == 2


def test_conflicts_have_the_format_of_dynamodb(
    client: Any, database: FakeDynamoDB, proxy: FaultProxy
) -> None:
    with (
        proxy.on(fault_proxy.conflicts(share=1, seed=1), "TransactWriteItems"),
        pytest.raises(client.exceptions.TransactionCanceledException) as cancelled,
    ):
        client.transact_write_items(TransactItems=TRANSACTION)

    response = cancelled.value.response
    codes = [reason["Code"] for reason in response["CancellationReasons"]]
    assert sorted(codes) == ["None", "TransactionConflict"]
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert f"[{', '.join(codes)}]" in response["Error"]["Message"]
    assert database.asked == []


def test_share_of_conflicts_is_reproducible_by_seed(
    client: Any, database: FakeDynamoDB, proxy: FaultProxy
) -> None:
    def outcomes() -> list[bool]:
        passed = []
        with proxy.on(fault_proxy.conflicts(share=0.5, seed=7), "TransactWriteItems"):
            for _ in range(40):
                try:
                    client.transact_write_items(TransactItems=TRANSACTION)
                    passed.append(True)
                except client.exceptions.TransactionCanceledException:
                    passed.append(False)
        return passed

    first = outcomes()

    assert outcomes() == first
    assert 10 < first.count(True) < 30


def test_lost_response_had_its_effect_and_a_broken_connection_had_none(
    client: Any, database: FakeDynamoDB, proxy: FaultProxy
) -> None:
    for fault, asked in [(fault_proxy.never_arrived, 0), (fault_proxy.response_lost, 1)]:
        with proxy.on(fault), pytest.raises(ConnectionClosedError):
            client.get_item(TableName="orders", Key=KEY)
        assert len(database.asked) == asked
    client.get_item(TableName="orders", Key=KEY)


def test_stopped_proxy_accepts_no_connection(
    client: Any, database: FakeDynamoDB, proxy: FaultProxy
) -> None:
    client.get_item(TableName="orders", Key=KEY)

    for _ in range(2):
        with proxy.down(), pytest.raises((ConnectionClosedError, EndpointConnectionError)):
            client.get_item(TableName="orders", Key=KEY)

    client.get_item(TableName="orders", Key=KEY)
    assert len(database.asked) == 2


def test_call_without_a_response_has_no_effect(
    impatient: Any, database: FakeDynamoDB, proxy: FaultProxy
) -> None:
    with proxy.on(fault_proxy.no_response(1)), pytest.raises(ReadTimeoutError):
        impatient.get_item(TableName="orders", Key=KEY)

    assert database.asked == []


def test_response_can_be_late(impatient: Any, database: FakeDynamoDB, proxy: FaultProxy) -> None:
    with proxy.on(fault_proxy.delayed(1)), pytest.raises(ReadTimeoutError):
        impatient.get_item(TableName="orders", Key=KEY)


def test_response_can_be_slow(client: Any, database: FakeDynamoDB, proxy: FaultProxy) -> None:
    started = time.monotonic()
    with proxy.on(fault_proxy.dripping(pause=0.01)):
        client.get_item(TableName="orders", Key=KEY)

    # A sleep may last longer, so a busy machine does not fail this.
    assert time.monotonic() - started > IMPATIENCE


@pytest.mark.parametrize(
    ("code", "status"), [("ThrottlingException", 400), ("InternalServerError", 500)]
)
def test_rejection_has_its_code_and_status(
    client: Any, database: FakeDynamoDB, proxy: FaultProxy, code: str, status: int
) -> None:
    with proxy.on(fault_proxy.service_error(code, status)), pytest.raises(ClientError) as rejection:
        client.get_item(TableName="orders", Key=KEY)

    assert rejection.value.response["Error"]["Code"] == code
    assert rejection.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert database.asked == []


def test_keys_can_stay_unprocessed(client: Any, proxy: FaultProxy) -> None:
    items = {"orders": {"Keys": [KEY]}}

    with proxy.on(fault_proxy.unprocessed, "BatchGetItem"):
        response = client.batch_get_item(RequestItems=items)

    assert response["UnprocessedKeys"] == items


def test_fault_applies_to_its_own_calls_only(
    client: Any, database: FakeDynamoDB, proxy: FaultProxy
) -> None:
    def is_rejected(operation: str, **request: Any) -> bool:
        try:
            getattr(client, operation)(**request)
        except ClientError:
            return True
        return False

    throttled = fault_proxy.service_error("ThrottlingException")
    with proxy.on(throttled, "TransactWriteItems", table="products", skip=1, times=2) as hits:
        assert not is_rejected("get_item", TableName="products", Key=KEY)
        assert not is_rejected("transact_write_items", TransactItems=TRANSACTION[:1])
        assert [
            is_rejected("transact_write_items", TransactItems=TRANSACTION) for _ in range(4)
        ] == [False, True, True, False]

    assert len(hits) == 2 and hits[0].tables == {"orders", "products"}
    assert not is_rejected("transact_write_items", TransactItems=TRANSACTION)
