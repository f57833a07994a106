"""Public keys of passkeys: three algorithms, without weak keys; signatures by `cryptography`."""

from typing import TYPE_CHECKING

from shop.identity.passkeys.models import Algorithm, PublicKey
from shop.identity.passkeys.rejection import Rejected

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

_FIELD = "publicKey"
_MIN_RSA_BITS, _MAX_RSA_BITS, _RSA_EXPONENT = 2048, 4096, 65537
_P25519 = 2**255 - 19
_ORDER_8_Y = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
# The y coordinates of Ed25519's points of order 1, 2, 4 and 8: anybody can sign for such a key.
_SMALL_ORDER_Y = {0, 1, _P25519 - 1, _ORDER_8_Y, _P25519 - _ORDER_8_Y}


def cose_key_of(key: PublicKey) -> bytes:
    """Return the key in CTAP2's canonical CBOR (RFC 9052, 7); raise `Rejected` for a bad key.

    Bad are unknown or weak keys, points outside the curve, other encodings, and a key of another
    algorithm.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    loaded = _load(key.spki)
    match key.algorithm, loaded:
        case Algorithm.ES256, ec.EllipticCurvePublicKey(curve=ec.SECP256R1()):
            point = loaded.public_numbers()
            x, y = point.x.to_bytes(32), point.y.to_bytes(32)
            return b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20" + x + b"\x22\x58\x20" + y
        case Algorithm.EDDSA, ed25519.Ed25519PublicKey():
            raw = loaded.public_bytes_raw()
            _check_ed25519(raw)
            return b"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20" + raw
        case Algorithm.RS256, rsa.RSAPublicKey():
            numbers = loaded.public_numbers()
            _check_rsa(numbers.n, numbers.e)
            size = loaded.key_size // 8
            modulus = size.to_bytes(2) + numbers.n.to_bytes(size)
            return b"\xa4\x01\x03\x03\x39\x01\x00\x20\x59" + modulus + b"\x21\x43\x01\x00\x01"
        case _:
            raise Rejected("alg", "wrong_alg", "Must be the algorithm of `publicKey`.")


def is_signed(key: PublicKey, signature: bytes, signed: bytes) -> bool:
    """Return whether the key signed these bytes (WebAuthn 3, 6.5.5). The key is a checked one."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256

    loaded = _load(key.spki)
    try:
        match loaded:
            case ec.EllipticCurvePublicKey():
                loaded.verify(signature, signed, ec.ECDSA(SHA256()))
            case ed25519.Ed25519PublicKey():
                loaded.verify(signature, signed)
            case rsa.RSAPublicKey():
                loaded.verify(signature, signed, padding.PKCS1v15(), SHA256())
            case _:
                return False
    except InvalidSignature:
        return False
    return True


def _load(spki: bytes) -> "PublicKeyTypes":
    """Parse the canonical encoding; raise `Rejected` for any other bytes."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_der_public_key,
    )

    try:
        loaded = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        raise _malformed("Must be a public key in the form of SubjectPublicKeyInfo.") from None
    if loaded.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != spki:
        raise _malformed("Must be encoded in DER.")
    return loaded


def _check_ed25519(raw: bytes) -> None:
    y = int.from_bytes(raw, "little") & (1 << 255) - 1  # without the sign of x
    if y >= _P25519 or y in _SMALL_ORDER_Y:
        raise _malformed("Must be a point of large order.")


def _check_rsa(modulus: int, exponent: int) -> None:
    bits = modulus.bit_length()
    if not _MIN_RSA_BITS <= bits <= _MAX_RSA_BITS or bits % 8 or exponent != _RSA_EXPONENT:
        raise _malformed("Must be an RSA key of 2048 to 4096 bits with the exponent 65537.")


def _malformed(message: str) -> Rejected:
    return Rejected(_FIELD, "weak_or_malformed", message)
