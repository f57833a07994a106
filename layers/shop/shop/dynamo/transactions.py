"""All-or-nothing writes: each action has a name, and a refusal says which actions failed."""

import random
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from shop.clients import dynamodb
from shop.dynamo.codec import Item, decode
from shop.errors import ServiceUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

MOST_ACTIONS = 100  # DynamoDB's limit
# Seconds in which conflicts are tried again, of the functions' 10. One transaction at a time has an
# item, for some 15 ms, so the last of a hundred who want one product at once waits for 2.5 s.
BUDGET = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5  # seconds, before jitter

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
    """One TransactWriteItems of at most `MOST_ACTIONS`.

    All tries, ours and the SDK's, carry one ClientRequestToken, so that a commit whose answer was
    lost is neither repeated nor refused by its own effect. Raises `ConditionFailed`, or
    `ServiceUnavailable` where other writers of the same items win for longer than `BUDGET`.
    """
    client = dynamodb()
    token = str(uuid4())
    gives_up_at = clock() + BUDGET
    longest = _FIRST_PAUSE
    while True:
        try:
            client.transact_write_items(
                TransactItems=list(actions.values()), ClientRequestToken=token
            )
            return
        except client.exceptions.TransactionCanceledException as error:
            _raise_unless_passing(list(actions), error)
        except client.exceptions.TransactionInProgressException:
            pass
        if clock() + longest > gives_up_at:
            raise ServiceUnavailable(retry_after=1)
        pause(random.uniform(0, longest))
        longest = min(longest * 2, _LONGEST_PAUSE)


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
