"""The fault proxy distinguishes AWS services, and responds in the format of each."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import httpx2
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.fakes.dynamodb_server import KEY, FakeDynamoDB, database, proxy
from tests.support import fault_proxy
from tests.support.fault_proxy import BUS, DYNAMODB, MAIL, PARAMETERS, QUEUES, SECRETS, FaultProxy
from tests.support.waiting import HANG_SECONDS

__all__ = ["database", "proxy"]

# boto3's name of each service, and one of its calls.
CALLS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    DYNAMODB: ("dynamodb", lambda it: it.get_item(TableName="orders", Key=KEY)),
    SECRETS: ("secretsmanager", lambda it: it.get_secret_value(SecretId="keys")),
    PARAMETERS: ("ssm", lambda it: it.get_parameter(Name="jwks")),
    BUS: ("events", lambda it: it.put_events(Entries=[entry("1")])),
    QUEUES: ("sqs", lambda it: it.send_message(QueueUrl="http://x/1/q", MessageBody="1")),
    MAIL: (
        "sesv2",
        lambda it: it.send_email(FromEmailAddress="a@example.com", Content={"Raw": {"Data": b""}}),
    ),
}


def entry(detail: str) -> dict[str, str]:
    return {"Source": "shop", "DetailType": "order.placed", "Detail": detail}


@pytest.fixture(params=CALLS)
def service(request: pytest.FixtureRequest) -> Iterator[str]:
    name: str = request.param
    yield name


def call(proxy: FaultProxy, service: str) -> Any:
    name, made = CALLS[service]
    config = Config(retries={"total_max_attempts": 1}, read_timeout=HANG_SECONDS)
    make: Any = boto3.client  # boto3's stubs accept literal names only
    return made(make(name, endpoint_url=proxy.url, config=config))


def test_calls_are_attributed_to_their_service(service: str, proxy: FaultProxy) -> None:
    for other in fault_proxy.SERVICES:
        with proxy.on(fault_proxy.never_arrived, service=other) as hits:
            if other != service:
                call(proxy, service)
            else:
                with pytest.raises(ConnectionClosedError):
                    call(proxy, service)
        assert [hit.service for hit in hits] == ([service] if other == service else [])


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDenied", "RequestThrottled"])
def test_rejection_has_the_code_in_the_format_of_its_service(
    service: str, proxy: FaultProxy, code: str
) -> None:
    with (
        proxy.on(fault_proxy.service_error(code), service=service),
        pytest.raises(ClientError) as rejection,
    ):
        call(proxy, service)

    assert rejection.value.response["Error"]["Code"] == code


@pytest.mark.parametrize("damage", [fault_proxy.cut, fault_proxy.no_json, fault_proxy.flipped])
def test_damaged_bytes_arrive_complete_under_the_original_headers(
    service: str, proxy: FaultProxy, database: FakeDynamoDB, damage: Callable[[bytes], bytes]
) -> None:
    seen: list[bytes] = []

    def watched(body: bytes) -> bytes:
        seen.append(damage(body))
        return seen[-1]

    with proxy.on(fault_proxy.damaged(watched), service=service):
        call(proxy, service)

    assert len(database.asked) == 1
    assert seen and seen[0] != b'{"Responses":0}'


def test_truncated_response_had_its_effect_and_the_sdk_does_not_notice(
    service: str, proxy: FaultProxy, database: FakeDynamoDB
) -> None:
    """Hence our clients must check the length."""
    with proxy.on(fault_proxy.cut_off, service=service):
        call(proxy, service)

    assert len(database.asked) == 1


def test_truncated_response_is_shorter_than_its_content_length(
    proxy: FaultProxy, database: FakeDynamoDB
) -> None:
    scope = "AWS4-HMAC-SHA256 Credential=key/20261122/eu-central-1/sqs/aws4_request"
    headers = {"Authorization": scope, "X-Amz-Target": "AmazonSQS.SendMessage"}

    with (
        proxy.on(fault_proxy.cut_off, service=QUEUES),
        pytest.raises(httpx2.RemoteProtocolError, match="complete message body"),
    ):
        httpx2.post(proxy.url, headers=headers, json={})


def test_entries_of_a_batch_fail_partially(
    proxy: FaultProxy, database: FakeDynamoDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = boto3.client("events", endpoint_url=proxy.url)
    given = [entry(str(number)) for number in range(10)]
    monkeypatch.setattr(
        database, "respond", lambda asked: {"Entries": [{"EventId": "1"} for _ in asked["Entries"]]}
    )

    with proxy.on(fault_proxy.partly(share=0.5, seed=1), service=BUS):
        response = client.put_events(Entries=given)

    failed = [it.get("ErrorCode") == "ThrottlingException" for it in response["Entries"]]
    assert response["FailedEntryCount"] == sum(failed) and 0 < sum(failed) < 10
    ((_, asked),) = database.asked
    passed = [it["Detail"] for it in asked["Entries"]]
    assert passed == [str(number) for number in range(10) if not failed[number]]
    assert json.loads(passed[0]) == failed.index(False)
