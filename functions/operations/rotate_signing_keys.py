"""The rotation of the signing keys: every 30 days by schedule, or whenever an operator says so."""

from typing import Any  # the event is the schedule's or the operator's JSON

from shop.auth.key_store import key_store
from shop.operations.edge import operation

REVOKE = {"revoke": True}
DRY_RUN = {"dryRun": True}


@operation
def handler(event: dict[str, Any]) -> dict[str, list[str]]:
    """Gives the key ids that are published now: previous, current, next.

    They are what they were if they changed less than 20 minutes ago.

    `{"revoke": true}` replaces all three keys, so that every access token ends. With `"dryRun":
    true` nothing changes, and `then` says which keys there would be. An event that is none of
    these, nor empty, nor the schedule's is refused: a revocation misspelt must not pass.
    """
    asked = {name: value for name, value in event.items() if name != "operator"}
    if asked in (DRY_RUN, DRY_RUN | REVOKE):
        keys = key_store().private()
        return {"kids": keys.kids, "then": key_store().foresee(revoked=asked != DRY_RUN)}
    if asked == REVOKE:
        keys = key_store().revoke()
    elif asked == {} or asked.get("detail-type") == "Scheduled Event":
        keys = key_store().rotate()
    else:
        raise ValueError('send {} to rotate, or {"revoke": true} to replace all keys')
    return {"kids": keys.kids}
