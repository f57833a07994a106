"""All-or-nothing writes, whose refusal says by name which actions failed, and reads."""

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
# Seconds in which conflicts are tried again, of the functions' 10. One transaction at a time has an
# item, for some 15 ms, so the last of a hundred who want one product at once waits for 2.5 s.
BUDGET = 5.0
_FIRST_PAUSE, _MAX_PAUSE = 0.02, 0.5  # seconds, before jitter

# Reasons that say "not now": https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
_PASSING = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


class ConditionFailed(Exception):
    """Conditions did not hold and nothing was written.

    `old` has, by the name of each action whose condition failed, the item as it stood, or None.
    """

    def __init__(self, old: Mapping[str, Item | None]) -> None:
        self.old = old
        super().__init__(", ".join(old))


def write(
    actions: Mapping[str, "TransactWriteItemTypeDef"],
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """One TransactWriteItems of at most `MAX_ACTIONS`.

    All tries, ours and the SDK's, carry one ClientRequestToken, so that a commit whose answer was
    lost is neither repeated nor refused by its own effect. Raises `ConditionFailed`, or
    `ServiceUnavailable` where other writers of the same items win for longer than `BUDGET`.
    """
    token = str(uuid4())
    items = list(actions.values())
    _tried(
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
    """The items as they are before or after any transaction that writes them, never in between.

    2 read units for each 4 KB; raises `ServiceUnavailable` like `write`.
    """
    items: list[TransactGetItemTypeDef] = [{"Get": get} for get in gets]
    answer = _tried(
        lambda: dynamodb().transact_get_items(TransactItems=items),
        [str(number) for number in range(len(gets))],
        pause,
        clock,
    )
    return [decode(found["Item"]) if "Item" in found else None for found in answer["Responses"]]


def _tried[T](
    attempt: Callable[[], T],
    names: list[str],
    pause: Callable[[float], None],
    clock: Callable[[], float],
) -> T:
    exceptions = dynamodb().exceptions
    gives_up_at = clock() + BUDGET
    longest = _FIRST_PAUSE
    while True:
        try:
            return attempt()
        except exceptions.TransactionCanceledException as error:
            _raise_unless_passing(names, error)
        except exceptions.TransactionInProgressException:
            pass
        if clock() + longest > gives_up_at:
            raise ServiceUnavailable(retry_after=1)
        pause(random.uniform(0, longest))
        longest = min(longest * 2, _MAX_PAUSE)


def _raise_unless_passing(names: list[str], error: Any) -> None:
    """`Any`: botocore makes the exception's class, with CancellationReasons, at run time."""
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
    if not codes or codes - _PASSING:
        raise error
