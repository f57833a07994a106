"""DynamoDB transactions: idempotent retries with a ClientRequestToken."""

from copy import deepcopy
from typing import Any

from ministack.services import dynamodb

from tools.local_cloud.emulator.patches.pinned import pinned

# Any: requests and responses of ministack.
Request = dict[str, Any]


def apply() -> None:
    compare_token_requests_as_sent()


def compare_token_requests_as_sent() -> None:
    """Record the request before ministack normalises its numbers (19.90 to 19.9) in place."""
    original = pinned(
        dynamodb,
        "_transact_write_items",
        "data",
        source='signature = {k: v for k, v in data.items() if k != "ClientRequestToken"}',
    )
    find_token = pinned(dynamodb, "_txn_token_lookup", "crt")
    pinned(dynamodb, "_txn_token_store", "crt entry")

    def transact_write_items(data: Request) -> Any:
        token = data.get("ClientRequestToken")
        if not token or find_token(token) is not None:
            return original(data)
        sent = deepcopy({name: it for name, it in data.items() if name != "ClientRequestToken"})
        response = original(data)
        recorded = find_token(token)
        if recorded is not None:
            recorded["signature"] = sent
        return response

    dynamodb._transact_write_items = transact_write_items
