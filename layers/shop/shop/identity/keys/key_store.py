"""Where the signing keys live: created once, rotated, revoked, published with every change.

No token is ever signed with a key that a verifier which reloads cannot find: a set is published
beside the one before it, then stored where signers read it, and only then published alone.

Secrets Manager has no compare-and-swap, so each version of the secret has one possible successor:
its id (ClientRequestToken) follows from the version before, and a version cannot be overwritten.
Of two who change the same set at once the second is refused and publishes the first one's set;
a key of it may be missing from what is published for as long as that takes, some milliseconds.
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from shop.clients import parameters, secrets
from shop.clock import Clock, now
from shop.config import setting
from shop.identity.keys.signing_keys import KeySet
from shop.observability import logger

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_ssm import SSMClient

_SUCCESSORS = UUID("4dda3d66-3d21-5c8c-a87b-252caf76e7c9")  # a namespace of our own
# A token's 15 minutes, and the 5 for which signers keep the key that signs.
MINIMUM_AGE = timedelta(minutes=20)
_PAUSE = 0.2  # seconds


@dataclass(frozen=True)
class Stored:
    """A version of the secret, and what it holds."""

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
        """Raises KeyError, TypeError or ValueError where the secret holds no keys of ours."""
        return self._stored().keys

    def create_if_absent(self) -> KeySet:
        """Makes keys where there are none, and publishes what is there."""
        try:
            self._stored()
        except self._secrets.exceptions.ResourceNotFoundException:
            self._put(KeySet.new(self._clock()), after=self._secret)
        return self._publish_what_is_stored()

    def preview(self, revoked: bool) -> list[str]:
        """The key ids after a rotation or revocation that began now; those to come are `new`."""
        keys = self.private()
        if revoked:
            return ["new"] * len(keys.kids)
        return [*keys.kids[1:], "new"] if self.is_due(keys) else keys.kids

    def is_due(self, keys: KeySet) -> bool:
        """Whether a rotation of these keys would change them."""
        return self._clock() >= keys.changed_at + MINIMUM_AGE

    def rotate(self) -> KeySet:
        """The next key signs, the current one still verifies, the previous one is forgotten.

        Not where keys changed a moment ago, be it that somebody asks twice, that a schedule
        delivers twice or that Lambda tries again: a second step would end tokens that are good.
        """
        stored = self._stored()
        if self.is_due(stored.keys):
            self._replace(stored, stored.keys.rotated(self._clock()))
        return self._publish_what_is_stored()

    def revoke(self) -> KeySet:
        """Replaces every key that there was when it began, whoever else changes them meanwhile."""
        stored = self._stored()
        revoked = set(stored.keys.kids)
        while revoked & set(stored.keys.kids):
            stored = self._replace(stored, KeySet.new(self._clock()))
        return self._publish_what_is_stored()

    def _replace(self, stored: Stored, keys: KeySet) -> Stored:
        """What followed `stored`: these keys, or those of whoever was faster."""
        self._publish(stored.keys, keys)
        self._put(keys, after=stored.version)
        # Reads may lag behind a write, as AWS says of all its APIs:
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
            logger().info("signing keys were changed by another at the same time")
        else:
            logger().info("signing keys changed", kids=keys.kids)

    def _publish_what_is_stored(self) -> KeySet:
        """Until nothing newer is stored, so that of several at once the last leaves the newest."""
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

    def _stored(self) -> Stored:
        answer = self._secrets.get_secret_value(SecretId=self._secret)
        keys = KeySet.from_secret(answer["SecretString"])
        return Stored(answer["VersionId"], keys)


@cache
def key_store() -> KeyStore:
    return KeyStore(
        secrets(), parameters(), setting("SIGNING_KEYS_SECRET"), setting("JWKS_PARAMETER")
    )
