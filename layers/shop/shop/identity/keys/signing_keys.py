"""Signing keys: the private set in Secrets Manager, the public JWKS in Parameter Store.

Three keys exist at all times: previous, current and next. A verifier with cached keys therefore
knows the key that becomes current.
"""

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from shop.clock import from_text, to_text
from shop.identifiers import new_id
from shop.identity.keys.published_keys import Jwks

_NAMES = ("previous", "current", "next")  # in the secret
_CURVE = "secp256r1"  # P-256, of ES256


@dataclass(frozen=True)  # not a named tuple, which cannot cache properties
class SigningKey:
    kid: str
    pem: str

    @classmethod
    def new(cls) -> Self:
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return cls(new_id(), pem.decode())

    @cached_property
    def parsed(self) -> ec.EllipticCurvePrivateKey:
        """Return the key; raise ValueError for malformed PEM or another type of key."""
        try:
            key = load_pem_private_key(self.pem.encode(), password=None)
        except (TypeError, UnsupportedAlgorithm) as error:  # encrypted, or of an unknown kind
            raise ValueError("the signing key cannot be used") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != _CURVE:
            raise ValueError("the signing key is not on P-256")
        return key

    def checked(self) -> Self:
        """Return the key after parsing it; raise ValueError as `parsed` does."""
        _ = self.parsed
        return self

    def public_jwk(self) -> dict[str, str]:
        numbers = self.parsed.public_key().public_numbers()
        return {
            "kty": "EC",
            "crv": "P-256",
            "x": _base64url(numbers.x),
            "y": _base64url(numbers.y),
            "kid": self.kid,
            "alg": "ES256",
            "use": "sig",
        }


class KeySet(NamedTuple):
    """The private keys, in the order of the secret."""

    previous: SigningKey
    current: SigningKey
    next: SigningKey
    changed_at: datetime

    @classmethod
    def new(cls, now: datetime) -> Self:
        return cls(SigningKey.new(), SigningKey.new(), SigningKey.new(), now)

    @classmethod
    def from_secret(cls, text: str) -> Self:
        """Parse the secret; raise KeyError, TypeError or ValueError if it is malformed."""
        keys = json.loads(text)
        # By name, since newer versions may have written more fields.
        previous, current, following = (
            SigningKey(_text(keys[name]["kid"]), _text(keys[name]["pem"])) for name in _NAMES
        )
        return cls(previous, current, following, from_text(keys["changed_at"]))

    @property
    def kids(self) -> list[str]:
        return [key.kid for key in self._keys]

    def rotated(self, now: datetime) -> Self:
        """Return the next set, which signs with the key that verifiers know as next."""
        return type(self)(self.current, self.next, SigningKey.new(), now)

    def to_secret(self) -> str:
        keys = {
            name: {"kid": key.kid, "pem": key.pem}
            for name, key in zip(_NAMES, self._keys, strict=True)
        }
        return json.dumps({**keys, "changed_at": to_text(self.changed_at)})

    def jwks(self) -> Jwks:
        return {"keys": [key.public_jwk() for key in self._keys]}

    @property
    def _keys(self) -> tuple[SigningKey, SigningKey, SigningKey]:
        return self.previous, self.current, self.next


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("the id and the PEM of a key must be text")
    return value


def _base64url(number: int) -> str:
    return urlsafe_b64encode(number.to_bytes(32)).rstrip(b"=").decode()
