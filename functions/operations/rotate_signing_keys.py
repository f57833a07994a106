"""The rotation of the signing keys: every 30 days by schedule, or whenever an operator says so."""

from typing import Any  # the event is the schedule's or the operator's JSON

from shop.auth.key_store import key_store
from shop.operations.edge import operation


@operation
def handler(event: dict[str, Any]) -> dict[str, list[str]]:
    """Gives the key ids that are published now: previous, current, next.

    They are what they were if they changed less than 20 minutes ago.

    `{"revoke": true}` replaces all three keys, so that every access token ends. An event that is
    neither that, nor empty, nor the schedule's is refused: a revocation misspelt must not pass.
    """
    if event == {"revoke": True}:
        keys = key_store().revoke()
    elif event == {} or event.get("detail-type") == "Scheduled Event":
        keys = key_store().rotate()
    else:
        raise ValueError('send {} to rotate, or {"revoke": true} to replace all keys')
    return {"kids": keys.kids}
