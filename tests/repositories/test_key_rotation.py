"""Signing keys: every rotation and revocation is one step, published with it."""

import importlib
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

import shop.clients
from shop.clock import now
from shop.identity.keys.key_store import KeyStore
from shop.identity.keys.signing_keys import KeySet
from shop.redaction import SanitizedError
from tests.support.aws_mock import fresh_aws
from tests.support.gateway_events import Context
from tests.support.sam_template import ROOT

HOUR = timedelta(hours=1)


class Keys:
    """The keys in moto's AWS, an hour from now, when they may be rotated.

    `meanwhile` runs an action before the next call of an operation.
    """

    def __init__(self, later: timedelta = HOUR) -> None:
        self.later = later
        self.pauses = 0
        self.published: list[list[str]] = []  # key ids, one list for each publication
        # `Any`: botocore creates its clients at run time.
        self.clients: dict[str, Any] = {
            "secretsmanager": shop.clients.secrets(),
            "ssm": shop.clients.parameters(),
        }
        self.clients["ssm"].meta.events.register("provide-client-params.ssm.PutParameter", self._of)
        self.store = KeyStore(
            self.clients["secretsmanager"],
            self.clients["ssm"],
            "signing_keys_secret",
            "/shop/jwks",
            clock=lambda: now() + self.later,
            pause=self._pause,
        )

    def kids(self) -> list[str]:
        return self.store.private().kids

    def jwks(self) -> list[str]:
        """Return the key ids that verifiers find now."""
        found = shop.clients.parameters().get_parameter(Name="/shop/jwks")["Parameter"]["Value"]
        return [key["kid"] for key in json.loads(found)["keys"]]

    def meanwhile(self, service: str, operation: str, work: Callable[[], object]) -> None:
        events = self.clients[service].meta.events
        name = f"before-call.{service}.{operation}"

        def once(**_: Any) -> None:
            events.unregister(name, once)
            work()

        events.register(name, once)

    def _of(self, params: dict[str, Any], **_: Any) -> None:
        self.published.append([key["kid"] for key in json.loads(params["Value"])["keys"]])

    def _pause(self, seconds: float) -> None:
        self.pauses += 1


@pytest.fixture
def keys() -> Iterator[Keys]:
    with fresh_aws():
        Keys(timedelta(0)).store.create_if_absent()
        yield Keys()


def test_rotation_advances_every_key_by_one_stage(keys: Keys) -> None:
    _, current, following = keys.kids()

    rotated = keys.store.rotate()

    assert rotated.kids[:2] == [current, following]
    assert rotated.kids[2] not in (current, following)
    assert keys.kids() == keys.jwks() == rotated.kids


def test_signing_key_is_gone_after_two_rotations(keys: Keys) -> None:
    _, current, _ = keys.kids()

    keys.store.rotate()
    assert current in keys.jwks()
    keys.later += HOUR
    keys.store.rotate()

    assert current not in keys.jwks() + keys.kids()


def test_revocation_replaces_every_key(keys: Keys) -> None:
    before = keys.kids()

    revoked = keys.store.revoke()

    assert not set(before) & set(revoked.kids)
    assert keys.kids() == keys.jwks() == revoked.kids


@pytest.mark.parametrize("change", [KeyStore.rotate, KeyStore.revoke])
def test_new_keys_are_published_beside_the_old_before_they_sign(
    keys: Keys, change: Callable[[KeyStore], KeySet]
) -> None:
    before = keys.kids()
    seen: list[list[str]] = []
    keys.meanwhile("secretsmanager", "PutSecretValue", lambda: seen.append(keys.jwks()))

    after = change(keys.store).kids

    assert set(seen[0]) == {*before, *after}
    assert keys.published == [seen[0], after]


@pytest.mark.parametrize("change", [KeyStore.rotate, KeyStore.revoke])
def test_concurrent_equal_changes_make_one_set_and_both_publish_it(
    keys: Keys, change: Callable[[KeyStore], KeySet]
) -> None:
    faster: list[KeySet] = []
    keys.meanwhile("secretsmanager", "PutSecretValue", lambda: faster.append(change(Keys().store)))

    slower = change(keys.store)

    assert slower == faster[0]
    assert keys.kids() == keys.jwks() == slower.kids


def test_revocation_is_not_satisfied_by_a_faster_rotation(keys: Keys) -> None:
    before = keys.kids()
    keys.meanwhile("secretsmanager", "PutSecretValue", Keys().store.rotate)

    revoked = keys.store.revoke()

    assert not set(before) & {*keys.kids(), *keys.jwks()}
    assert keys.kids() == keys.jwks() == revoked.kids


def test_rotation_does_not_restore_keys_of_a_faster_revocation(keys: Keys) -> None:
    before = keys.kids()
    keys.meanwhile("secretsmanager", "PutSecretValue", Keys().store.revoke)

    keys.store.rotate()

    assert not set(before) & {*keys.kids(), *keys.jwks()}
    assert keys.kids() == keys.jwks()


def test_stale_read_is_not_published(keys: Keys) -> None:
    secrets = keys.clients["secretsmanager"]
    stale = secrets.get_secret_value(SecretId="signing_keys_secret")
    events, name = secrets.meta.events, "after-call.secretsmanager.GetSecretValue"

    def lag(parsed: dict[str, Any], **_: Any) -> None:
        events.unregister(name, lag)
        parsed.update(stale)

    keys.meanwhile("secretsmanager", "PutSecretValue", lambda: events.register(name, lag))

    rotated = keys.store.rotate()

    assert keys.pauses == 1
    assert keys.jwks() == rotated.kids == keys.kids()


def test_slow_publisher_leaves_the_newest_set(keys: Keys) -> None:
    slow = Keys()
    slow.meanwhile("ssm", "PutParameter", keys.store.rotate)

    slow.store.create_if_absent()

    assert keys.jwks() == keys.kids()


def test_concurrent_first_deployments_make_one_set() -> None:
    with fresh_aws():
        keys = Keys()
        faster: list[KeySet] = []
        keys.meanwhile(
            "secretsmanager",
            "PutSecretValue",
            lambda: faster.append(Keys().store.create_if_absent()),
        )

        slower = keys.store.create_if_absent()

        assert slower == faster[0]
        assert keys.kids() == keys.jwks() == slower.kids


def test_parameter_with_a_concurrent_write_is_retried(keys: Keys) -> None:
    def reject() -> None:
        error = {"Error": {"Code": "TooManyUpdates"}}
        raise keys.clients["ssm"].exceptions.TooManyUpdates(error, "PutParameter")

    keys.meanwhile("ssm", "PutParameter", reject)

    rotated = keys.store.rotate()

    assert keys.pauses == 1
    assert keys.jwks() == rotated.kids


def test_rotation_that_cannot_publish_changes_no_key(keys: Keys) -> None:
    before = keys.kids()

    def fail() -> None:
        raise ClientError({"Error": {"Code": "InternalServerError"}}, "PutParameter")

    keys.meanwhile("ssm", "PutParameter", fail)
    with pytest.raises(ClientError):
        keys.store.rotate()

    assert keys.kids() == keys.jwks() == before


def test_recently_changed_keys_are_published_again_and_not_rotated(keys: Keys) -> None:
    rotated = keys.store.rotate().kids
    shop.clients.parameters().put_parameter(
        Name="/shop/jwks", Value='{"keys": []}', Type="String", Overwrite=True
    )

    keys.later += timedelta(minutes=19)
    assert keys.store.rotate().kids == rotated == keys.kids() == keys.jwks()
    keys.later += timedelta(minutes=1)
    assert keys.store.rotate().kids[:2] == rotated[1:]


def test_recently_changed_keys_can_be_revoked(keys: Keys) -> None:
    rotated = keys.store.rotate().kids

    assert not set(keys.store.revoke().kids) & set(rotated)


def handler(event: dict[str, Any]) -> list[str]:
    module = importlib.import_module("functions.operator.rotate_signing_keys")
    response: dict[str, list[str]] = module.handler(event, Context())
    return response["kids"]


SCHEDULED = json.loads((ROOT / "events/rotate_signing_keys.json").read_text())


def grown_old() -> list[str]:
    """Replace the stored keys by keys created two hours ago; return their ids."""
    keys = KeySet.new(now() - 2 * HOUR)
    shop.clients.secrets().put_secret_value(
        SecretId="signing_keys_secret", SecretString=keys.to_secret()
    )
    return keys.kids


@pytest.mark.parametrize("event", [{}, SCHEDULED])
def test_operator_and_schedule_rotate(keys: Keys, event: dict[str, Any]) -> None:
    before = grown_old()

    after = handler(event)

    assert after[:2] == before[1:]
    assert keys.kids() == keys.jwks() == after
    assert handler(event) == after


def test_operator_revokes_on_request(keys: Keys) -> None:
    before = keys.kids()

    after = handler({"revoke": True})

    assert not set(before) & set(after)
    assert keys.kids() == keys.jwks() == after


@pytest.mark.parametrize("event", [{"revoke": "true"}, {"revoke": False}, {"Revoke": True}])
def test_misspelled_revocation_is_rejected_and_changes_nothing(
    keys: Keys, event: dict[str, Any]
) -> None:
    before = keys.kids()

    with pytest.raises(SanitizedError, match="ValueError"):
        handler(event)

    assert keys.kids() == keys.jwks() == before


@pytest.mark.parametrize("event", [{"dryRun": True}, {"dryRun": True, "revoke": True}])
def test_dry_run_returns_the_keys_and_changes_none(keys: Keys, event: dict[str, Any]) -> None:
    module = importlib.import_module("functions.operator.rotate_signing_keys")
    before = grown_old()

    response = module.handler(event | {"operator": "arn"}, Context())

    then = ["new"] * 3 if "revoke" in event else [*before[1:], "new"]
    assert response == {"kids": before, "then": then}
    assert keys.kids() == before


def test_dry_run_previews_that_recently_changed_keys_stay(keys: Keys) -> None:
    kids = keys.store.rotate().kids

    assert keys.store.preview(is_revocation=False) == kids


def test_misspelled_dry_run_rotates_nothing(keys: Keys) -> None:
    before = grown_old()

    with pytest.raises(SanitizedError, match="ValueError"):
        handler({"dryRun": "1"})
    assert keys.kids() == before
