"""Transactions: atomic writes that name the actions whose conditions failed, and atomic reads."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from shop.clients import dynamodb
from shop.dynamo.codec import Item, decode
from shop.errors import ServiceUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import (
        GetTypeDef,
        TransactGetItemTypeDef,
        TransactWriteItemTypeDef,
    )

MAX_ACTIONS = 100  # DynamoDB's limit
# Seconds in which conflicts are retried, of the functions' 10. A transaction holds an item for some
# 15 ms, so the last of a hundred concurrent orders of one product waits for 2.5 s.
MAX_RETRY_SECONDS = 5.0
_FIRST_PAUSE, _MAX_PAUSE = 0.02, 0.5  # seconds, before jitter

# Cancellation reasons that a retry can resolve:
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
_TRANSIENT = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


class ConditionFailed(Exception):
    """Conditions failed and nothing was written.

    `old` maps the name of each failed action to the stored item, or to None.
    """

    def __init__(self, old: Mapping[str, Item | None]) -> None:
        self.old = old
        super().__init__(", ".join(old))


def write(
    actions: Mapping[str, "TransactWriteItemTypeDef"],
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Write at most `MAX_ACTIONS` actions in one TransactWriteItems.

    All tries, including the SDK's, carry one ClientRequestToken: a commit whose response was lost
    is neither repeated nor rejected because of its own effect. Raise `ConditionFailed`, or
    `ServiceUnavailable` if conflicts last longer than `MAX_RETRY_SECONDS`.
    """
    token = str(uuid4())
    items = list(actions.values())
    _retry_conflicts(
        lambda: dynamodb().transact_write_items(TransactItems=items, ClientRequestToken=token),
        list(actions),
        pause,
        clock,
    )


def read(
    gets: Sequence["GetTypeDef"],
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Sequence[Item | None]:
    """Read items in one transaction: none of them between the writes of another transaction.

    2 read units for each 4 KB; raise `ServiceUnavailable` like `write`.
    """
    items: list[TransactGetItemTypeDef] = [{"Get": get} for get in gets]
    response = _retry_conflicts(
        lambda: dynamodb().transact_get_items(TransactItems=items),
        [str(number) for number in range(len(gets))],
        pause,
        clock,
    )
    return [decode(found["Item"]) if "Item" in found else None for found in response["Responses"]]


def _retry_conflicts[T](
    attempt: Callable[[], T],
    names: list[str],
    pause: Callable[[float], None],
    clock: Callable[[], float],
) -> T:
    exceptions = dynamodb().exceptions
    retries_until = clock() + MAX_RETRY_SECONDS
    max_pause = _FIRST_PAUSE
    while True:
        try:
            return attempt()
        except exceptions.TransactionCanceledException as error:
            _raise_unless_transient(names, error)
        except exceptions.TransactionInProgressException:
            pass
        if clock() + max_pause > retries_until:
            raise ServiceUnavailable(retry_after=1)
        pause(random.uniform(0, max_pause))
        max_pause = min(max_pause * 2, _MAX_PAUSE)


def _raise_unless_transient(names: list[str], error: Any) -> None:
    """Raise `ConditionFailed`, or the error itself, unless a retry can resolve its reasons.

    `Any`: botocore creates the exception's class, with CancellationReasons, at run time.
    """
    reasons = error.response.get("CancellationReasons", [])
    codes = {reason.get("Code", "None") for reason in reasons} - {"None"}
    if "ConditionalCheckFailed" in codes:
        raise ConditionFailed(
            {
                name: decode(reason["Item"]) if "Item" in reason else None
                for name, reason in zip(names, reasons, strict=True)
                if reason.get("Code") == "ConditionalCheckFailed"
            }
        ) from None
    if not codes or codes - _TRANSIENT:
        raise error
