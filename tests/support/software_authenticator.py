"""An authenticator and browser of WebAuthn in software: right and wrong passkeys for tests."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Self  # JSON

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

type PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
type Json = dict[str, Any]

ORIGIN = "http://localhost:8080"
DOMAIN = "localhost"
ES256, EDDSA, RS256 = -7, -8, -257

USER_PRESENT, USER_VERIFIED = 0x01, 0x04
BACKUP_ELIGIBLE, BACKED_UP = 0x08, 0x10
HAS_CREDENTIAL, HAS_EXTENSIONS = 0x40, 0x80


def to_text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def to_bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def new_key(algorithm: int = ES256) -> PrivateKey:
    if algorithm == EDDSA:
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == RS256:
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1())


def spki_of(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def cose_key_of(key: PrivateKey) -> bytes:
    """Return the key as a map of CBOR, in the order of CTAP2."""
    match key:
        case ec.EllipticCurvePrivateKey():
            point = key.public_key().public_numbers()
            pairs = [(1, 2), (3, ES256), (-1, 1)]
            return _cbor_map(*pairs, (-2, point.x.to_bytes(32)), (-3, point.y.to_bytes(32)))
        case ed25519.Ed25519PrivateKey():
            return _cbor_map((1, 1), (3, EDDSA), (-1, 6), (-2, key.public_key().public_bytes_raw()))
        case rsa.RSAPrivateKey():
            numbers = key.public_key().public_numbers()
            modulus = numbers.n.to_bytes(key.key_size // 8)
            return _cbor_map((1, 3), (3, RS256), (-1, modulus), (-2, numbers.e.to_bytes(3)))


@dataclass
class SoftwareAuthenticator:
    """One passkey. Its fields may be changed, to make wrong responses."""

    algorithm: int = ES256
    domain: str = DOMAIN
    origin: str = ORIGIN
    flags: int = USER_PRESENT | USER_VERIFIED | BACKUP_ELIGIBLE | BACKED_UP
    counter: int = 0
    client_data: Json = field(default_factory=dict)  # members that differ
    rest: bytes = b""  # bytes after the last part of the authenticator data
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: PrivateKey = field(init=False)

    def __post_init__(self) -> None:
        self.key = new_key(self.algorithm)

    def changed(self, **fields: Any) -> Self:
        """Return the same passkey with other fields."""
        other = copy(self)
        for name, value in fields.items():
            setattr(other, name, value)
        return other

    @property
    def id(self) -> str:
        return to_text(self.credential_id)

    def register(self, challenge: str, name: str = "Ada's phone") -> Json:
        """Return the body of `POST /api/passkeys`."""
        credential = (
            bytes(16)
            + len(self.credential_id).to_bytes(2)
            + self.credential_id
            + cose_key_of(self.key)
        )
        return {
            "challenge": challenge,
            "id": self.id,
            "clientData": to_text(self._client_data("webauthn.create", challenge)),
            "authenticatorData": to_text(self._data(HAS_CREDENTIAL, credential)),
            "publicKey": to_text(spki_of(self.key)),
            "alg": self.algorithm,
            "name": name,
        }

    def log_in(self, challenge: str, user_id: str) -> Json:
        """Return the body of `POST /api/passkey-sessions`."""
        client_data = self._client_data("webauthn.get", challenge)
        data = self._data()
        return {
            "challenge": challenge,
            "id": self.id,
            "userHandle": to_text(user_id.encode()),
            "clientData": to_text(client_data),
            "authenticatorData": to_text(data),
            "signature": to_text(self._sign(data + hashlib.sha256(client_data).digest())),
        }

    def _client_data(self, type_: str, challenge: str) -> bytes:
        data = {"type": type_, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(data | self.client_data, separators=(",", ":")).encode()

    def _data(self, more_flags: int = 0, credential: bytes = b"") -> bytes:
        domain = hashlib.sha256(self.domain.encode()).digest()
        flags = (self.flags | more_flags).to_bytes(1)
        return domain + flags + self.counter.to_bytes(4) + credential + self.rest

    def _sign(self, message: bytes) -> bytes:
        match self.key:
            case ec.EllipticCurvePrivateKey():
                return self.key.sign(message, ec.ECDSA(SHA256()))
            case ed25519.Ed25519PrivateKey():
                return self.key.sign(message)
            case rsa.RSAPrivateKey():
                return self.key.sign(message, padding.PKCS1v15(), SHA256())


def _cbor_map(*pairs: tuple[int, int | bytes]) -> bytes:
    items = b"".join(_cbor(key) + _cbor(value) for key, value in pairs)
    return bytes([0xA0 + len(pairs)]) + items


def _cbor(value: int | bytes) -> bytes:
    """Return CBOR of an integer or byte string (RFC 8949, 3)."""
    if isinstance(value, bytes):
        return _cbor_head(2, len(value)) + value
    return _cbor_head(0, value) if value >= 0 else _cbor_head(1, -1 - value)


def _cbor_head(major: int, number: int) -> bytes:
    start = major << 5
    if number < 24:
        return bytes([start | number])
    if number < 256:
        return bytes([start | 24, number])
    return bytes([start | 25]) + number.to_bytes(2)
