"""Where the signing keys live: created once, published after every change."""

import json
from functools import cache
from typing import TYPE_CHECKING

from shop.auth.signing_keys import KeySet
from shop.clients import parameters, secrets
from shop.config import setting

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_ssm import SSMClient


class KeyStore:
    def __init__(
        self, secrets: "SecretsManagerClient", parameters: "SSMClient", secret: str, parameter: str
    ) -> None:
        self._secrets = secrets
        self._parameters = parameters
        self._secret = secret
        self._parameter = parameter

    def private(self) -> KeySet:
        """Raises KeyError, TypeError or ValueError where the secret holds no keys of ours."""
        answer = self._secrets.get_secret_value(SecretId=self._secret)
        return KeySet.from_secret(answer["SecretString"])

    def create_if_absent(self) -> None:
        """Makes keys where there are none, and publishes what is there."""
        try:
            keys = self.private()
        except self._secrets.exceptions.ResourceNotFoundException:
            keys = KeySet.new()
            self._secrets.put_secret_value(SecretId=self._secret, SecretString=keys.to_secret())
        self._parameters.put_parameter(
            Name=self._parameter, Value=json.dumps(keys.jwks()), Type="String", Overwrite=True
        )


@cache
def key_store() -> KeyStore:
    return KeyStore(
        secrets(), parameters(), setting("SIGNING_KEYS_SECRET"), setting("JWKS_PARAMETER")
    )
