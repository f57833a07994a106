"""Storage of the signing keys: creation, rotation, revocation and publication.

A verifier that reloads always finds the key of a token: a new set is published together with its
predecessor, then stored for signers, and only then published alone.

Secrets Manager has no compare-and-swap, so each version of the secret has one possible successor:
its id (ClientRequestToken) is derived from the previous version, and a version cannot be
overwritten. If two processes change the same set, the second is rejected and publishes the set of
the first. Until then, for some milliseconds, one key of that set may be unpublished.
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
"""

import json
import time
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID, uuid5

from shop.clients import parameters, secrets
from shop.clock import Clock, now
from shop.config import setting
from shop.identity.keys.signing_keys import KeySet
from shop.observability import logger

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_ssm import SSMClient

_SUCCESSORS = UUID("4dda3d66-3d21-5c8c-a87b-252caf76e7c9")  # a random namespace
# The 15 minutes of a token, and the 5 minutes for which signers cache their key
MIN_AGE = timedelta(minutes=20)
_PAUSE = 0.2  # seconds


class StoredKeys(NamedTuple):
    """A version of the secret, and its keys."""

    version: str
    keys: KeySet


class KeyStore:
    def __init__(
        self,
        secrets: "SecretsManagerClient",
        parameters: "SSMClient",
        secret: str,
        parameter: str,
        clock: Clock = now,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._secrets = secrets
        self._parameters = parameters
        self._secret = secret
        self._parameter = parameter
        self._clock = clock
        self._pause = pause

    def private(self) -> KeySet:
        """Return the keys; raise KeyError, TypeError or ValueError for a malformed secret."""
        return self._stored().keys

    def create_if_absent(self) -> KeySet:
        """Create keys if there are none, and publish the stored ones."""
        try:
            self._stored()
        except self._secrets.exceptions.ResourceNotFoundException:
            self._put(KeySet.new(self._clock()), after=self._secret)
        return self._publish_stored()

    def preview(self, is_revocation: bool) -> list[str]:
        """Return the key ids after a rotation or revocation now, with `new` for new keys."""
        keys = self.private()
        if is_revocation:
            return ["new"] * len(keys.kids)
        return [*keys.kids[1:], "new"] if self.is_due(keys) else keys.kids

    def is_due(self, keys: KeySet) -> bool:
        """Return whether a rotation would change these keys now."""
        return self._clock() >= keys.changed_at + MIN_AGE

    def rotate(self) -> KeySet:
        """Sign with the next key, keep the current one for verification, delete the previous one.

        Keys that changed within `MIN_AGE` stay: a repeated command, a second delivery of the
        schedule or a retry of Lambda would invalidate valid tokens.
        """
        stored = self._stored()
        if self.is_due(stored.keys):
            self._replace(stored, stored.keys.rotated(self._clock()))
        return self._publish_stored()

    def revoke(self) -> KeySet:
        """Replace all keys that exist at the start, also if others change them concurrently."""
        stored = self._stored()
        revoked = set(stored.keys.kids)
        while revoked & set(stored.keys.kids):
            stored = self._replace(stored, KeySet.new(self._clock()))
        return self._publish_stored()

    def _replace(self, stored: StoredKeys, keys: KeySet) -> StoredKeys:
        """Store these keys as the successor; return it, or the one of a concurrent change."""
        self._publish(stored.keys, keys)
        self._put(keys, after=stored.version)
        # Reads are eventually consistent, like those of all AWS APIs:
        # https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html
        while (latest := self._stored()).version == stored.version:
            self._pause(_PAUSE)
        return latest

    def _put(self, keys: KeySet, after: str) -> None:
        try:
            self._secrets.put_secret_value(
                SecretId=self._secret,
                SecretString=keys.to_secret(),
                ClientRequestToken=str(uuid5(_SUCCESSORS, after)),
            )
        except self._secrets.exceptions.ResourceExistsException:
            logger().info("signing keys changed concurrently")
        else:
            logger().info("signing keys changed", kids=keys.kids)

    def _publish_stored(self) -> KeySet:
        """Publish until no newer version is stored, so that concurrent changes end consistently."""
        published = None
        while (stored := self._stored()).version != published:
            self._publish(stored.keys)
            published = stored.version
        return stored.keys

    def _publish(self, *sets: KeySet) -> None:
        keys = {key["kid"]: key for each in sets for key in each.jwks()["keys"]}
        while True:
            try:
                self._parameters.put_parameter(
                    Name=self._parameter,
                    Value=json.dumps({"keys": list(keys.values())}),
                    Type="String",
                    Overwrite=True,
                )
                return
            except self._parameters.exceptions.TooManyUpdates:
                self._pause(_PAUSE)

    def _stored(self) -> StoredKeys:
        response = self._secrets.get_secret_value(SecretId=self._secret)
        keys = KeySet.from_secret(response["SecretString"])
        return StoredKeys(response["VersionId"], keys)


@cache
def key_store() -> KeyStore:
    return KeyStore(
        secrets(), parameters(), setting("SIGNING_KEYS_SECRET"), setting("JWKS_PARAMETER")
    )
