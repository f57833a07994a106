"""Stream pointers are found in their queue and stay visible to the next replay."""

import json
from typing import Any  # Any: messages are arbitrary JSON

import pytest
from botocore.exceptions import ClientError

from tests.fakes.cloudwatch_logs import FakeCloudWatchLogs
from tools.replay import THROTTLED, replay


class Queue:
    """SQS with one message, on a server that responds only to waiting receivers."""

    def __init__(self, body: dict[str, Any]) -> None:
        self._body = body
        self._is_visible = True

    def receive_message(self, WaitTimeSeconds: int = 0, **_: Any) -> Any:
        if not WaitTimeSeconds or not self._is_visible:
            return {}
        self._is_visible = False
        message = {"Body": json.dumps(self._body), "ReceiptHandle": "1"}
        return {"Messages": [message | {"Attributes": {"SentTimestamp": "0"}}]}

    def change_message_visibility(self, VisibilityTimeout: int, **_: Any) -> None:
        self._is_visible = VisibilityTimeout == 0

    def get_shard_iterator(self, **_: Any) -> Any:
        return {"ShardIterator": "1"}

    def get_records(self, **_: Any) -> Any:
        return {"Records": []}


class Deployed:
    """A deployment with this queue as every client, except that of the audit."""

    stack = "shop"

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self.logs = FakeCloudWatchLogs()

    def client(self, service: str) -> Queue | FakeCloudWatchLogs:
        return self.logs if service in ("logs", "sts") else self._queue

    def queue(self, name: str) -> str:
        return name

    def attribute(self, url: str, name: str) -> str:
        return url


def pointer() -> dict[str, Any]:
    numbers = {"startSequenceNumber": "1", "endSequenceNumber": "1", "shardId": "shard"}
    return {"DDBStreamBatchInfo": numbers | {"batchSize": 1, "streamArn": "stream"}}


def test_kept_pointers_are_counted_by_every_reader() -> None:
    deployment: Any = Deployed(Queue(pointer()))

    assert replay(deployment, "UnpublishedEvents") == (0, 1)
    assert replay(deployment, "UnpublishedEvents") == (0, 1)


def test_foreign_queue_is_left_unchanged() -> None:
    deployment: Any = Deployed(Queue({"detail": {}}))

    for _ in range(2):
        with pytest.raises(SystemExit, match="make redrive"):
            replay(deployment, "EmailsToSendFailed")


def test_interrupted_replay_is_audited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deployment: Any = Deployed(Queue(pointer()))
    assert replay(deployment, "UnpublishedEvents") == (0, 1)
    assert deployment.logs.outcomes == ["begun", "0 done, 1 left"]

    def break_off(*_: object, **__: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(Queue, "get_records", break_off)
    with pytest.raises(ConnectionError):
        replay(deployment, "UnpublishedEvents")

    assert deployment.logs.outcomes[2:] == ["begun", "stopped"]
    assert deployment.logs.lines[-1]["subject"] == {"queue": "UnpublishedEvents"}


@pytest.mark.parametrize("code", THROTTLED)
def test_throttled_replay_pauses_beside_the_functions_that_read_the_stream(
    monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("tools.replay.time.sleep", pauses.append)
    deployment: Any = Deployed(Queue(pointer()))
    found = Queue.get_records

    def throttled(queue: Queue, **arguments: Any) -> Any:
        if len(pauses) < 2:
            raise ClientError({"Error": {"Code": code}}, "GetRecords")
        return found(queue, **arguments)

    monkeypatch.setattr(Queue, "get_records", throttled)
    assert replay(deployment, "UnpublishedEvents") == (0, 1)
    assert pauses == [1, 2]


def test_replay_that_stays_throttled_fails_and_keeps_its_pointers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def throttled(*_: object, **__: object) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "GetRecords")

    monkeypatch.setattr("tools.replay.time.sleep", lambda _: None)
    deployment: Any = Deployed(Queue(pointer()))
    with monkeypatch.context() as patched:
        patched.setattr(Queue, "get_records", throttled)
        with pytest.raises(ClientError):
            replay(deployment, "UnpublishedEvents")

    assert replay(deployment, "UnpublishedEvents") == (0, 1)
