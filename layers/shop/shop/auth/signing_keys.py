"""Signing keys: the private set in Secrets Manager, the public JWKS in Parameter Store.

Three keys exist at all times, previous, current and next, so that a verifier that has not
reloaded yet knows the key that becomes current.
"""

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from shop.auth.published_keys import Jwks
from shop.identifiers import new_id


@dataclass(frozen=True)
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
        key = load_pem_private_key(self.pem.encode(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError("the signing key is no elliptic curve key")
        return key

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


@dataclass(frozen=True)
class KeySet:
    """The private keys as the secret holds them."""

    previous: SigningKey
    current: SigningKey
    next: SigningKey

    @classmethod
    def new(cls) -> Self:
        return cls(SigningKey.new(), SigningKey.new(), SigningKey.new())

    @classmethod
    def from_secret(cls, text: str) -> Self:
        """Raises KeyError, TypeError or ValueError where the secret is not ours."""
        keys = json.loads(text)
        return cls(*(SigningKey(**keys[name]) for name in ("previous", "current", "next")))

    @property
    def kids(self) -> list[str]:
        return [key.kid for key in (self.previous, self.current, self.next)]

    def rotated(self) -> Self:
        """The set that follows: what verifiers know as next signs from now on."""
        return type(self)(self.current, self.next, SigningKey.new())

    def to_secret(self) -> str:
        keys = {"previous": self.previous, "current": self.current, "next": self.next}
        return json.dumps({name: {"kid": k.kid, "pem": k.pem} for name, k in keys.items()})

    def jwks(self) -> Jwks:
        return {"keys": [key.public_jwk() for key in (self.previous, self.current, self.next)]}


def _base64url(number: int) -> str:
    return urlsafe_b64encode(number.to_bytes(32)).rstrip(b"=").decode()
