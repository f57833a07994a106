"""Transactions say which action was refused, and wait out writers of the same items."""

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
    """A clock that only pauses move."""

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


def test_a_refusal_names_the_action_and_shows_what_stood_there(client: Stubber) -> None:
    old = {"id": {"S": "second"}, "stock": {"N": "1"}}
    cancelled(client, {"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": old})

    with pytest.raises(transactions.ConditionFailed) as failed:
        transactions.write(ACTIONS)

    assert failed.value.old == {"second": {"id": "second", "stock": 1}}


def test_a_refusal_weighs_more_than_a_conflict_beside_it(client: Stubber) -> None:
    cancelled(client, {"Code": "TransactionConflict"}, {"Code": "ConditionalCheckFailed"})

    with pytest.raises(transactions.ConditionFailed) as failed:
        transactions.write(ACTIONS)

    assert failed.value.old == {"second": None}


@pytest.mark.parametrize(
    "code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]
)
def test_what_passes_is_waited_for(client: Stubber, code: str) -> None:
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
    assert len(tokens) == 5 and len(first) == 1, "a lost answer would be a second effect"
    client.add_response("transact_write_items", {})
    transactions.write(ACTIONS, waiting.pause, waiting.clock)
    assert tokens[-1] not in first


def test_what_does_not_pass_in_time_ends_in_try_again(client: Stubber) -> None:
    waiting = Waiting()
    for _ in range(2000):
        cancelled(client, {"Code": "TransactionConflict"}, {"Code": "None"})

    with pytest.raises(ServiceUnavailable) as refusal:
        transactions.write(ACTIONS, waiting.pause, waiting.clock)

    assert refusal.value.retry_after == 1
    assert waiting.now <= transactions.BUDGET + 0.1


def test_what_is_our_mistake_rises(client: Stubber) -> None:
    cancelled(client, {"Code": "ValidationError"}, {"Code": "None"})

    with pytest.raises(ClientError):
        transactions.write(ACTIONS)
