"""DynamoDB's transactions, where the emulator would refuse a try that was sent again."""

from copy import deepcopy
from typing import Any

from ministack.services import dynamodb

from tools.local_cloud.emulator.patches.pinned import pinned

# Any: requests and answers are the emulator's own.
Request = dict[str, Any]


def apply() -> None:
    compare_token_requests_as_sent()


def compare_token_requests_as_sent() -> None:
    """Storing rewrites numbers in place, 19.90 to 19.9, so that the same request would differ."""
    original = pinned(
        dynamodb,
        "_transact_write_items",
        "data",
        source='signature = {k: v for k, v in data.items() if k != "ClientRequestToken"}',
    )
    look_up = pinned(dynamodb, "_txn_token_lookup", "crt")
    pinned(dynamodb, "_txn_token_store", "crt entry")

    def transact_write_items(data: Request) -> Any:
        token = data.get("ClientRequestToken")
        if not token or look_up(token) is not None:
            return original(data)
        sent = deepcopy({name: it for name, it in data.items() if name != "ClientRequestToken"})
        answer = original(data)
        remembered = look_up(token)
        if remembered is not None:
            remembered["signature"] = sent
        return answer

    dynamodb._transact_write_items = transact_write_items
