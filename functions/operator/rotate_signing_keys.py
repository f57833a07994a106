"""The rotation of the signing keys: every 30 days by schedule, or whenever an operator says so."""

from typing import Any  # the event is the schedule's or the operator's JSON

from shop.clock import to_text
from shop.entrypoints.operation import operation
from shop.identity.keys.key_store import MINIMUM_AGE, key_store
from shop.identity.keys.signing_keys import KeySet

REVOKE = {"revoke": True}
DRY_RUN = {"dryRun": True}


@operation
def handler(event: dict[str, Any]) -> dict[str, str | list[str]]:
    """Gives the key ids that are published now: previous, current, next.

    If the keys changed less than 20 minutes ago, a rotation does nothing, and `unchangedUntil` says
    when the next one may change them.

    `{"revoke": true}` replaces all three keys, so that every access token ends. With `"dryRun":
    true` nothing changes, and `then` says which keys there would be. An event that is none of
    these, nor empty, nor the schedule's is refused: a revocation misspelt must not pass.
    """
    asked = {name: value for name, value in event.items() if name != "operator"}
    if asked in (DRY_RUN, DRY_RUN | REVOKE):
        keys = key_store().private()
        then = key_store().preview(revoked=asked != DRY_RUN)
        return {"kids": keys.kids, "then": then, **_unchanged(keys, then)}
    if asked == REVOKE:
        keys = key_store().revoke()
    elif asked == {} or asked.get("detail-type") == "Scheduled Event":
        before = key_store().private().kids
        keys = key_store().rotate()
        return {"kids": keys.kids, **_unchanged(keys, before)}
    else:
        raise ValueError('send {} to rotate, or {"revoke": true} to replace all keys')
    return {"kids": keys.kids}


def _unchanged(keys: KeySet, kids: list[str]) -> dict[str, str]:
    if keys.kids != kids:
        return {}
    return {"unchangedUntil": to_text(keys.changed_at + MINIMUM_AGE)}
