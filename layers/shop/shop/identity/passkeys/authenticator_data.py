"""Authenticator data: what the authenticator signs, in a fixed binary form (WebAuthn 3, 6.1)."""

import hashlib
from hmac import compare_digest
from typing import NamedTuple

from shop.identity.passkeys.models import MAX_CREDENTIAL_ID
from shop.identity.passkeys.rejection import Rejected

_FIELD = "authenticatorData"
_USER_PRESENT, _USER_VERIFIED = 0x01, 0x04
_BACKUP_ELIGIBLE, _BACKED_UP = 0x08, 0x10
_HAS_CREDENTIAL, _HAS_EXTENSIONS = 0x40, 0x80
_HASH_BYTES, _HEADER_BYTES, _AAGUID_BYTES = 32, 37, 16


class AuthenticatorData(NamedTuple):
    counter: int
    is_backup_eligible: bool
    is_backed_up: bool


def read_assertion_data(raw: bytes, domain: str) -> AuthenticatorData:
    """Return the data of a login; raise `Rejected`.

    Extensions, which this server does not ask for, are CBOR and stay unread.
    """
    flags, data = _header(raw, domain)
    if flags & _HAS_CREDENTIAL:
        raise _malformed("Must not contain a credential.")
    _check_rest(raw[_HEADER_BYTES:], flags)
    return data


def read_registration_data(
    raw: bytes, domain: str, credential_id: bytes, cose_key: bytes
) -> AuthenticatorData:
    """Return the data of a registration of this credential and key; raise `Rejected`.

    `cose_key` is the key in CTAP2's canonical form, the only form that authenticators may write
    (WebAuthn 3, 6.5.1.1): equal bytes prove the same key without a parser.
    """
    flags, data = _header(raw, domain)
    if not flags & _HAS_CREDENTIAL:
        raise _malformed("Must contain a credential.")
    if not 1 <= len(credential_id) <= MAX_CREDENTIAL_ID:
        raise _malformed("Must contain a credential id of 1 to 1023 bytes.")
    # After an identifier of the model, which browsers usually set to zero.
    credential = len(credential_id).to_bytes(2) + credential_id
    rest = raw[_HEADER_BYTES + _AAGUID_BYTES :]
    if not rest.startswith(credential):
        raise Rejected("id", "wrong_id", "Must be the credential id in `authenticatorData`.")
    rest = rest.removeprefix(credential)
    if not rest.startswith(cose_key):
        raise Rejected("publicKey", "wrong_key", "Must be the public key in `authenticatorData`.")
    _check_rest(rest.removeprefix(cose_key), flags)
    return data


def _header(raw: bytes, domain: str) -> tuple[int, AuthenticatorData]:
    if len(raw) < _HEADER_BYTES:
        raise _malformed("Must have at least 37 bytes.")
    if not compare_digest(raw[:_HASH_BYTES], hashlib.sha256(domain.encode()).digest()):
        raise Rejected(_FIELD, "wrong_domain", f"Must be of a passkey of `{domain}`.")
    flags = raw[_HASH_BYTES]
    if not flags & _USER_PRESENT:
        raise Rejected(_FIELD, "user_absent", "Must prove that the user is present.")
    if not flags & _USER_VERIFIED:
        raise Rejected(
            _FIELD, "user_unverified", "Must prove that the user is verified by a PIN or biometric."
        )
    is_eligible, is_backed_up = bool(flags & _BACKUP_ELIGIBLE), bool(flags & _BACKED_UP)
    if is_backed_up and not is_eligible:
        raise _malformed("Must not be backed up without being eligible for it.")
    counter = int.from_bytes(raw[_HASH_BYTES + 1 : _HEADER_BYTES])
    return flags, AuthenticatorData(counter, is_eligible, is_backed_up)


def _check_rest(rest: bytes, flags: int) -> None:
    if bool(rest) != bool(flags & _HAS_EXTENSIONS):
        raise _malformed("Must end after its last part.")


def _malformed(message: str) -> Rejected:
    return Rejected(_FIELD, "malformed", message)
