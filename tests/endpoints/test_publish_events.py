"""The publisher between a stream and the bus, as far as moto emulates them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.workers.publish_events import handler
from shop import clients
from shop.config import setting
from shop.events.bus import EventBus
from shop.events.schemas import AnyEvent
from shop.events.service import BusUnavailable, Outcome
from shop.identifiers import new_id
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import NOON
from tests.support.gateway_events import Context
from tests.support.sam_template import ROOT
from tests.support.stream_events import USER, of_user


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        yield


def batch(*user_ids: str) -> dict[str, Any]:
    """Return the example record, once for each of these users."""
    text = (ROOT / "events/publish_events.json").read_text()
    event: dict[str, Any] = json.loads(
        text.replace("table/UsersTable/", f"table/{setting('USERS_TABLE')}/")
    )
    [example] = event["Records"]
    known = example["dynamodb"]["Keys"]["id"]["S"]
    event["Records"] = [json.loads(json.dumps(example).replace(known, it)) for it in user_ids]
    for number, record in enumerate(event["Records"]):
        record["dynamodb"]["SequenceNumber"] = str(100 + number)
    return event


def messages(url: str) -> list[dict[str, Any]]:
    response = clients.queues().receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in response.get("Messages", [])]


class FakeClient:
    """A client of the bus that responds with these codes per entry, or raises."""

    def __init__(self, *codes: str | None, error: Exception | None = None) -> None:
        self.codes = codes
        self.error = error
        self.entries: list[Any] = []

    def put_events(self, Entries: list[Any]) -> dict[str, Any]:
        if self.error:
            raise self.error
        self.entries += Entries
        responses = [{"ErrorCode": code} if code else {"EventId": "1"} for code in self.codes]
        return {"FailedEntryCount": len([*filter(None, self.codes)]), "Entries": responses}


def some(count: int) -> list[AnyEvent]:
    found = [of_user(None, USER | {"id": new_id()}) for _ in range(count)]
    return [event for event in found if event]


def test_change_is_an_entry_with_its_type_time_and_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bus, user_id = FakeClient(None), new_id()
    monkeypatch.setattr("shop.events.bus.client", lambda: bus)

    assert handler(batch(user_id), Context()) == {"batchItemFailures": []}

    [entry] = bus.entries
    assert (entry["Source"], entry["DetailType"]) == ("shop", "user.registered")
    assert (entry["EventBusName"], entry["Time"]) == (setting("BUS"), NOON)
    detail = json.loads(entry["Detail"])
    assert detail["subject"] == detail["data"]["userId"] == user_id
    assert detail["correlationid"] == "6f7c8a52-3d5e-4b7e-9a53-2f1f0a9d4e11"


@pytest.mark.parametrize("odd", [{}, {"version": {"XN": "1"}}], ids=["incomplete", "unreadable"])
def test_poison_record_is_dead_lettered_and_its_item_is_not_published(odd: dict[str, Any]) -> None:
    event = batch(new_id(), new_id(), new_id())
    image = event["Records"][1]["dynamodb"]["NewImage"]
    del image["version"]
    image |= odd

    assert handler(event, Context()) == {"batchItemFailures": []}

    [pointer] = messages(setting("UNPUBLISHED_EVENTS_QUEUE"))
    assert pointer["DDBStreamBatchInfo"] == {
        "startSequenceNumber": "101",
        "endSequenceNumber": "101",
        "batchSize": 1,
        "streamArn": event["Records"][1]["eventSourceARN"],
    }
    assert "ada" not in json.dumps(pointer)


def test_entry_rejected_by_the_bus_is_retried_with_all_later_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shop.events.service.MAX_RETRY_SECONDS", 0)
    monkeypatch.setattr("shop.events.bus.client", lambda: FakeClient(None, "InternalFailure", None))

    response = handler(batch(new_id(), new_id(), new_id()), Context())

    assert [it["itemIdentifier"] for it in response["batchItemFailures"]] == ["101", "102"]


def test_entries_of_a_call_succeed_or_fail_separately(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = [None, "ThrottlingException", "MalformedDetail", "InternalFailure", None]
    monkeypatch.setattr("shop.events.bus.client", lambda: FakeClient(*codes))

    published, retry, rejected = Outcome
    assert EventBus().put(some(5)) == [published, retry, rejected, retry, published]


def test_failed_call_publishes_no_event(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ClientError({"Error": {"Code": "InternalException"}}, "PutEvents")
    monkeypatch.setattr("shop.events.bus.client", lambda: FakeClient(error=error))

    with pytest.raises(BusUnavailable):
        EventBus().put(some(2))
