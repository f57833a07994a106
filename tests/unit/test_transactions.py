"""Transactions name the rejected action and retry conflicts."""

import heapq
import random
import threading
from collections.abc import Callable
from itertools import count
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from shop.dynamo import transactions
from shop.errors import ServiceUnavailable

ACTIONS: dict[str, Any] = {
    name: {"Put": {"TableName": "t", "Item": {"id": {"S": name}}}} for name in ("first", "second")
}


class Waiting:
    """A clock that only pauses advance."""

    def __init__(self) -> None:
        self.now = 0.0

    def pause(self, seconds: float) -> None:
        self.now += seconds

    def clock(self) -> float:
        self.now += 0.001
        return self.now


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Stubber:
    real = boto3.client("dynamodb", region_name="us-east-1")
    monkeypatch.setattr(transactions, "dynamodb", lambda: real)
    stub = Stubber(real)
    stub.activate()
    return stub


def cancelled(stub: Stubber, *reasons: dict[str, Any]) -> None:
    stub.add_client_error(
        "transact_write_items",
        "TransactionCanceledException",
        modeled_fields={"CancellationReasons": list(reasons)},
    )


def test_rejection_names_the_action_and_shows_the_stored_item(client: Stubber) -> None:
    old = {"id": {"S": "second"}, "stock": {"N": "1"}}
    cancelled(client, {"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": old})

    with pytest.raises(transactions.ConditionFailed) as failed:
        transactions.write(ACTIONS)

    assert failed.value.old == {"second": {"id": "second", "stock": 1}}


def test_rejection_outweighs_a_conflict_beside_it(client: Stubber) -> None:
    cancelled(client, {"Code": "TransactionConflict"}, {"Code": "ConditionalCheckFailed"})

    with pytest.raises(transactions.ConditionFailed) as failed:
        transactions.write(ACTIONS)

    assert failed.value.old == {"second": None}


@pytest.mark.parametrize(
    "code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]
)
def test_temporary_conflict_is_retried(client: Stubber, code: str) -> None:
    waiting = Waiting()
    tokens: list[str] = []
    client.client.meta.events.register(
        "before-parameter-build.dynamodb.TransactWriteItems",
        lambda params, **_: tokens.append(params["ClientRequestToken"]),
    )
    for _ in range(3):
        cancelled(client, {"Code": code}, {"Code": "None"})
    client.add_client_error("transact_write_items", "TransactionInProgressException")
    client.add_response("transact_write_items", {})

    transactions.write(ACTIONS, waiting.pause, waiting.clock)
    first = set(tokens)

    client.assert_no_pending_responses()
    assert len(tokens) == 5 and len(first) == 1, "a lost response would be a second effect"
    client.add_response("transact_write_items", {})
    transactions.write(ACTIONS, waiting.pause, waiting.clock)
    assert tokens[-1] not in first


def test_persistent_conflict_ends_in_503(client: Stubber) -> None:
    waiting = Waiting()
    for _ in range(2000):
        cancelled(client, {"Code": "TransactionConflict"}, {"Code": "None"})

    with pytest.raises(ServiceUnavailable) as rejection:
        transactions.write(ACTIONS, waiting.pause, waiting.clock)

    assert rejection.value.retry_after == 1
    assert waiting.now <= transactions.MAX_RETRY_SECONDS + 0.1


def test_own_mistake_is_raised(client: Stubber) -> None:
    cancelled(client, {"Code": "ValidationError"}, {"Code": "None"})

    with pytest.raises(ClientError):
        transactions.write(ACTIONS)


class VirtualTime:
    """Threads that run one at a time, ordered by the end of their pause; time is simulated."""

    def __init__(self) -> None:
        self.now = 0.0
        self._pauses: list[tuple[float, int, threading.Event]] = []
        self._numbers = count()
        self._is_idle = threading.Semaphore(0)

    def pause(self, seconds: float) -> None:
        over = threading.Event()
        heapq.heappush(self._pauses, (self.now + seconds, next(self._numbers), over))
        self._is_idle.release()
        over.wait()

    def run(self, works: list[Callable[[], None]]) -> None:
        def begin(work: Callable[[], None]) -> None:
            self.pause(0)
            work()
            self._is_idle.release()

        for work in works:
            threading.Thread(target=begin, args=[work], daemon=True).start()
            self._is_idle.acquire()
        while self._pauses:
            self.now, _, over = heapq.heappop(self._pauses)
            over.set()
            self._is_idle.acquire()


class HotItem:
    """An item held by one transaction at a time, as in DynamoDB; others conflict."""

    class TransactionCanceledException(Exception):
        response: Any = {"CancellationReasons": [{"Code": "TransactionConflict"}, {"Code": "None"}]}

    TransactionInProgressException = type("TransactionInProgressException", (Exception,), {})

    def __init__(self, time: VirtualTime, held: float) -> None:
        self.exceptions = self
        self.writes = 0
        self._time = time
        self._held = held
        self._is_taken = False

    def transact_write_items(self, **_: object) -> None:
        self._time.pause(0.004)  # both directions
        if self._is_taken:
            raise self.TransactionCanceledException
        self._is_taken = True
        self._time.pause(self._held)
        self._is_taken = False
        self.writes += 1


@pytest.mark.parametrize("seed", range(5))
def test_hundred_parallel_writers_of_one_item_rarely_fail(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    time = VirtualTime()
    item = HotItem(time, held=0.015)
    sent_away: list[ServiceUnavailable] = []
    monkeypatch.setattr(transactions, "dynamodb", lambda: item)
    monkeypatch.setattr(
        transactions, "random", SimpleNamespace(uniform=random.Random(seed).uniform)
    )

    def buy() -> None:
        try:
            transactions.write(ACTIONS, time.pause, lambda: time.now)
        except ServiceUnavailable as rejection:
            sent_away.append(rejection)

    time.run([buy] * 100)

    assert item.writes + len(sent_away) == 100
    assert len(sent_away) < 5


def test_read_conflicting_with_a_write_is_retried(client: Stubber) -> None:
    waiting = Waiting()
    conflict = {"CancellationReasons": [{"Code": "TransactionConflict"}, {"Code": "None"}]}
    error = "TransactionCanceledException"
    client.add_client_error("transact_get_items", error, modeled_fields=conflict)
    found = {"Responses": [{"Item": {"id": {"S": "first"}}}, {}]}
    client.add_response("transact_get_items", found)

    gets: list[Any] = [{"TableName": "t", "Key": {"id": {"S": name}}} for name in ACTIONS]
    read = transactions.read(gets, waiting.pause, waiting.clock)

    assert read == [{"id": "first"}, None]
    client.assert_no_pending_responses()


def test_read_conflicting_with_endless_writes_times_out(client: Stubber) -> None:
    waiting = Waiting()
    conflict = {"CancellationReasons": [{"Code": "TransactionConflict"}]}
    for _ in range(100):
        error = "TransactionCanceledException"
        client.add_client_error("transact_get_items", error, modeled_fields=conflict)

    with pytest.raises(ServiceUnavailable):
        key: Any = {"TableName": "t", "Key": {"id": {"S": "first"}}}
        transactions.read([key], waiting.pause, waiting.clock)
    assert waiting.now <= transactions.MAX_RETRY_SECONDS
