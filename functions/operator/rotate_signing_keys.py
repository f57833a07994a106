"""Rotation of the signing keys: every 30 days by schedule, or by an operator."""

from typing import Any  # the event is JSON from the schedule or the operator

from shop.clock import to_text
from shop.entrypoints.operation import operation
from shop.identity.keys.key_store import MIN_AGE, key_store
from shop.identity.keys.signing_keys import KeySet

REVOKE = {"revoke": True}
DRY_RUN = {"dryRun": True}


@operation
def handler(event: dict[str, Any]) -> dict[str, str | list[str]]:
    """Return the ids of the published keys: previous, current, next.

    Within 20 minutes after a change, a rotation changes nothing, and `unchangedUntil` is the end of
    that time.

    `{"revoke": true}` replaces all three keys, which invalidates all access tokens. With `"dryRun":
    true` nothing changes, and `then` has the resulting keys. Any other event that is not empty or
    from the schedule is rejected, so that a misspelt revocation does not become a rotation.
    """
    command = {name: value for name, value in event.items() if name != "operator"}
    if command in (DRY_RUN, DRY_RUN | REVOKE):
        keys = key_store().private()
        then = key_store().preview(is_revocation=command != DRY_RUN)
        return {"kids": keys.kids, "then": then, **_unchanged(keys, then)}
    if command == REVOKE:
        keys = key_store().revoke()
    elif command == {} or command.get("detail-type") == "Scheduled Event":
        before = key_store().private().kids
        keys = key_store().rotate()
        return {"kids": keys.kids, **_unchanged(keys, before)}
    else:
        raise ValueError('send {} to rotate, or {"revoke": true} to replace all keys')
    return {"kids": keys.kids}


def _unchanged(keys: KeySet, kids: list[str]) -> dict[str, str]:
    if keys.kids != kids:
        return {}
    return {"unchangedUntil": to_text(keys.changed_at + MIN_AGE)}
