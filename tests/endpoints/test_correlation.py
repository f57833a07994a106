"""Correlation ids pass from a request through queues and streams into every log line."""

import importlib
import json
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from functions.workers import publish_events, update_read_models
from shop import clients
from shop.caller import Role
from shop.config import setting
from shop.correlation import correlation_id
from shop.dynamo.codec import encode
from shop.email_queue import SqsEmailQueue
from shop.events import deletions
from shop.identifiers import new_id
from shop.identity.accounts.models import UserStatus
from shop.users.models import User
from shop.users.repository import UserRepository, user_to_item
from tests.support.aws_mock import fresh_aws
from tests.support.fixtures import NOON
from tests.support.gateway_events import Context
from tests.support.log_lines import LogLines
from tests.support.sam_template import ROOT

REQUEST = "6f7c8a52-3d5e-4b7e-9a53-2f1f0a9d4e22"
TRACE = "1-5759e988-bd862e3fe1be46a994272793"


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with fresh_aws():
        token = correlation_id.set(None)
        yield
        correlation_id.reset(token)


class Bus:
    """A bus that accepts every event."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def put_events(self, Entries: list[Any]) -> dict[str, Any]:
        self.events += [json.loads(entry["Detail"]) for entry in Entries]
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}] * len(Entries)}


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Bus:
    bus = Bus()
    monkeypatch.setattr("shop.events.bus.client", lambda: bus)
    return bus


def someone() -> User:
    id_ = new_id()
    email = f"{id_}@example.com"
    user = User(id_, email, "Ada", UserStatus.ACTIVE, Role.CUSTOMER, False, NOON, NOON, 1)
    UserRepository().add(user, "hash")
    return user


def record(user: User, *images: str) -> dict[str, Any]:
    """Return the stream record of the user's item."""
    item, table = encode(user_to_item(user)), setting("USERS_TABLE")
    return {
        "eventSourceARN": f"arn:aws:dynamodb:eu-central-1:123456789012:table/{table}/stream/1",
        "dynamodb": {
            "ApproximateCreationDateTime": NOON.timestamp(),
            "Keys": {"id": {"S": user.id}},
            "SequenceNumber": "1",
            **dict.fromkeys(images, item),
        },
    }


def test_deletion_event_has_the_correlation_id_of_its_request(bus: Bus, log: LogLines) -> None:
    one, other, nobodys = someone(), someone(), someone()
    for user, request in ((one, REQUEST), (other, f"{REQUEST} 2"), (nobodys, None)):
        correlation_id.set(request)
        UserRepository().delete(user)

    records = [record(user, "OldImage") for user in (one, other, nobodys)]
    publish_events.handler({"Records": records}, Context())

    published = [(it["type"], it["subject"], it.get("correlationid")) for it in bus.events]
    assert published == [
        ("user.deleted", one.id, REQUEST),
        ("user.deleted", other.id, f"{REQUEST} 2"),
        ("user.deleted", nobodys.id, None),
    ]
    lines = [line for line in log() if line["message"] == "event published"]
    assert [line.get("request_id") for line in lines] == [REQUEST, f"{REQUEST} 2", None]
    assert lines[0]["id"] == bus.events[0]["id"]
    assert (lines[0]["type"], lines[0]["subject"]) == ("user.deleted", one.id)


def test_deletion_with_unreadable_request_ids_is_published(
    bus: Bus, log: LogLines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reject(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetItem")

    user = someone()
    UserRepository().delete(user)
    monkeypatch.setattr(deletions, "dynamodb", lambda: SimpleNamespace(get_item=reject))

    response = publish_events.handler({"Records": [record(user, "OldImage")]}, Context())

    assert response == {"batchItemFailures": []}
    assert [it["type"] for it in bus.events] == ["user.deleted"]
    assert "deleting requests unknown" in [line["message"] for line in log()]


def test_projector_logs_the_request_ids_of_its_records(log: LogLines) -> None:
    correlation_id.set(REQUEST)
    changed, gone = record(someone(), "NewImage"), record(someone(), "OldImage")

    update_read_models.handler({"Records": [changed, changed, gone]}, Context())

    (line,) = [line for line in log() if line["message"] == "batch"]
    assert (line["request_ids"], line["records"]) == ([REQUEST], 3)


def test_unreadable_record_does_not_stop_the_projector(log: LogLines) -> None:
    one, odd, other = (record(someone(), "NewImage") for _ in range(3))
    unread = odd["dynamodb"]
    unread["SequenceNumber"] = "2"
    unread["NewImage"] = unread["NewImage"] | {"name": {"XS": ["Ada"]}}

    response = update_read_models.handler({"Records": [one, odd, other]}, Context())

    assert response == {"batchItemFailures": [{"itemIdentifier": "2"}]}
    assert UserRepository().count([UserStatus.ACTIVE]) == 2
    (line,) = [line for line in log() if line["message"] == "not projected"]
    assert line["entity"] == f"{setting('USERS_TABLE')}:{unread['Keys']['id']['S']}"


def test_requested_email_has_the_correlation_id_of_its_request() -> None:
    correlation_id.set(REQUEST)

    SqsEmailQueue().put("1", "email_verification.wanted", NOON + timedelta(seconds=1), {})

    (message,) = clients.queues().receive_message(QueueUrl=setting("EMAILS_TO_SEND_QUEUE"))[
        "Messages"
    ]
    assert json.loads(message["Body"])["detail"]["correlationid"] == REQUEST


def test_authorizer_logs_its_decision_and_trace_id(
    log: LogLines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={TRACE};Parent=53995c3f42cd8ad8;Sampled=1")
    event = json.loads((ROOT / "events/authorize.json").read_text())
    boto3.client("ssm").put_parameter(Name="/shop/jwks", Value='{"keys": []}', Type="String")

    importlib.import_module("functions.authorizer.authorize").handler(event, Context())

    (line,) = log()
    assert (line["message"], line["verdict"]) == ("authorization", "typ")
    assert (line["function_name"], line["xray_trace_id"]) == ("function", TRACE)
    assert line["milliseconds"] >= 0


def test_preflight_logs_a_line_without_the_logger(capsys: pytest.CaptureFixture[str]) -> None:
    event = json.loads((ROOT / "events/answer_preflight.json").read_text())

    preflight = importlib.import_module("functions.system.answer_preflight").handler
    response = preflight(event, Context())

    line = json.loads(capsys.readouterr().out)
    assert (line["message"], line["route"], line["status"]) == ("request", "OPTIONS /{proxy+}", 204)
    assert line["request_id"] == event["requestContext"]["requestId"]
    assert line["request_id"] == response["headers"]["X-Request-Id"]
    assert (line["function_name"], line["level"]) == ("function", "INFO")


def test_request_logs_its_trace_id(log: LogLines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={TRACE};Parent=53995c3f42cd8ad8;Sampled=1")
    event = json.loads((ROOT / "events/check_health.json").read_text())

    importlib.import_module("functions.system.check_health").handler(event, Context())

    assert [line["xray_trace_id"] for line in log()] == [TRACE]
