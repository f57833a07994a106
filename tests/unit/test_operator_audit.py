"""Operator work on tables and queues is audited before it begins and when it ends."""

import time
from collections.abc import Iterator, Sequence
from typing import Any  # Any: responses of AWS, and a partial deployment

import boto3
import pytest

import tools.migrate.__main__ as migrate
import tools.recount.__main__ as recount
import tools.restore.__main__ as restore
from tests.fakes.cloudwatch_logs import OPERATOR, FakeCloudWatchLogs
from tools.audit import audited
from tools.migrate.engine import Contended, Engine
from tools.redrive import redrive
from tools.restore.comparison import Comparer
from tools.restore.copy import Copy
from tools.restore.restorer import Outcome, Restorer

SUBJECT = {"queue": "FailedOrdersToProcess"}


class Denying(FakeCloudWatchLogs):
    def put_log_events(self, logEvents: Sequence[dict[str, Any]], **_: str) -> None:
        raise PermissionError


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> FakeCloudWatchLogs:
    made = FakeCloudWatchLogs()
    monkeypatch.setattr(boto3, "client", made)
    for command in (migrate, recount, restore):
        monkeypatch.setattr(command, "attach", lambda *_: "shop")
        monkeypatch.setattr(command, "retrying_client", lambda: None)
    return made


def test_work_is_audited_at_its_start_and_end() -> None:
    logs = FakeCloudWatchLogs()

    with audited(logs, "shop", "redrive", SUBJECT) as record:
        assert logs.outcomes == ["begun"]
        record.outcome = "3 moved"

    assert logs.outcomes == ["begun", "3 moved"]
    for line in logs.lines:
        assert (line["action"], line["actor"], line["subject"]) == ("redrive", OPERATOR, SUBJECT)


@pytest.mark.parametrize("how", [KeyboardInterrupt, SystemExit, ConnectionError])
def test_interrupted_work_is_audited_and_still_raises(how: type[BaseException]) -> None:
    logs = FakeCloudWatchLogs()

    with pytest.raises(how), audited(logs, "shop", "redrive", SUBJECT):
        raise how

    assert logs.outcomes == ["begun", "stopped"]


def test_unauditable_work_is_not_started() -> None:
    done = []

    with pytest.raises(PermissionError), audited(Denying(), "shop", "redrive", SUBJECT):
        done.append("moved")

    assert done == []


class Queues:
    """A deployment with dead letters; its redrive task moves three and has the given status."""

    stack = "shop"

    def __init__(self, logs: FakeCloudWatchLogs, status: str) -> None:
        self._logs = logs
        self._status = status

    def client(self, service: str) -> Any:
        return self if service == "sqs" else self._logs

    def queue(self, name: str) -> str:
        return name

    def queues(self) -> dict[str, str]:
        return {"OrdersToProcess": "OrdersToProcess"}

    def attribute(self, url: str, name: str) -> str:
        return "FailedOrdersToProcess" if name == "RedrivePolicy" else url

    def start_message_move_task(self, **_: str) -> None:
        assert self._logs.outcomes == ["begun"]

    def list_message_move_tasks(self, **_: Any) -> Any:
        task = {"Status": self._status, "ApproximateNumberOfMessagesMoved": 3}
        return {"Results": [task]}


def test_failed_redrive_is_audited_with_the_number_moved() -> None:
    logs = FakeCloudWatchLogs()
    deployment: Any = Queues(logs, "FAILED")

    with pytest.raises(SystemExit, match="FAILED"):
        redrive(deployment, "FailedOrdersToProcess")

    assert logs.outcomes == ["begun", "3 moved, failed"]
    assert logs.lines[-1]["subject"] == SUBJECT


def test_unfinished_redrive_is_audited_as_running(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logs = FakeCloudWatchLogs()
    deployment: Any = Queues(logs, "RUNNING")

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        redrive(deployment, "FailedOrdersToProcess")

    assert logs.outcomes == ["begun", "3 moved, running"]


def test_queue_without_dead_letters_is_not_audited() -> None:
    logs = FakeCloudWatchLogs()
    deployment: Any = Queues(logs, "COMPLETED")

    with pytest.raises(SystemExit, match="no queue of dead letters"):
        redrive(deployment, "ada@example.com")

    assert logs.outcomes == []


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_interrupted_repair_is_audited(
    logs: FakeCloudWatchLogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recount, "recount", interrupted)

    with pytest.raises(KeyboardInterrupt):
        recount.main(["--repair"])

    assert [(line["action"], line["outcome"]) for line in logs.lines] == [
        *(("recount", "begun"), ("recount", "stopped"))
    ]


@pytest.mark.parametrize(("left", "outcome"), [(True, "differences remain"), (False, "done")])
def test_repair_is_audited_with_its_outcome_and_a_read_is_not(
    logs: FakeCloudWatchLogs, monkeypatch: pytest.MonkeyPatch, left: bool, outcome: str
) -> None:
    monkeypatch.setattr(recount, "recount", lambda *_, **__: left)

    assert recount.main([]) == left
    assert logs.outcomes == []
    assert recount.main(["--repair"]) == left
    assert logs.outcomes == ["begun", outcome]


@pytest.mark.parametrize("why", [KeyboardInterrupt(), Contended("id")])
def test_interrupted_migration_is_audited(
    logs: FakeCloudWatchLogs, monkeypatch: pytest.MonkeyPatch, why: BaseException
) -> None:
    def stop(*_: object) -> None:
        raise why

    monkeypatch.setattr(Engine, "run", stop)

    with pytest.raises(SystemExit, match="Stopped"):
        migrate.main(["run", "--migration", "1"])

    assert logs.outcomes == ["begun", "stopped"]


COMMAND = ["--table", "ProductsTable", "--at", "2026-11-23T10:00:00Z"]


@pytest.mark.parametrize(("action", "step"), [("restore", "restore"), ("clean", "delete")])
def test_partial_or_deleted_copy_is_audited(
    logs: FakeCloudWatchLogs, monkeypatch: pytest.MonkeyPatch, action: str, step: str
) -> None:
    monkeypatch.setattr(Copy, "exists", lambda _: True)
    monkeypatch.setattr(Copy, step, interrupted)

    with pytest.raises(KeyboardInterrupt):
        restore.main([action, *COMMAND])

    assert logs.outcomes == ["begun", "stopped"]


def test_interrupted_restore_is_audited_with_its_items(
    logs: FakeCloudWatchLogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def restore_first(*_: object) -> Iterator[Outcome]:
        yield Outcome("first", {"id": "first"}, None)
        raise KeyboardInterrupt

    monkeypatch.setattr(Copy, "exists", lambda _: True)
    monkeypatch.setattr(Comparer, "compare", lambda *_: None)
    monkeypatch.setattr(Restorer, "find_keys", lambda *_: {})
    monkeypatch.setattr(Restorer, "restore", restore_first)

    with pytest.raises(KeyboardInterrupt):
        restore.main(["bring-back", *COMMAND, "--keys", "first second"])

    assert logs.outcomes == ["begun", "brought back", "stopped"]
    assert logs.lines[1]["subject"]["items"] == ["first"]
