"""The checks of WebAuthn's two ceremonies (Level 3, 7.1 and 7.2)."""

import hashlib
from typing import NamedTuple

from shop.identity.passkeys.authenticator_data import (
    AuthenticatorData,
    read_assertion_data,
    read_registration_data,
)
from shop.identity.passkeys.client_data import check_client_data
from shop.identity.passkeys.models import Passkey, PublicKey, RelyingParty
from shop.identity.passkeys.public_keys import cose_key_of, is_signed
from shop.identity.passkeys.rejection import CounterNotRisen, Rejected


class Registration(NamedTuple):
    """What a browser says of a new passkey, decoded."""

    credential_id: bytes
    client_data: bytes
    authenticator_data: bytes
    public_key: PublicKey


class Assertion(NamedTuple):
    """What a browser says of a login, decoded."""

    credential_id: bytes
    client_data: bytes
    authenticator_data: bytes
    signature: bytes


def check_registration(
    registration: Registration, challenge: str, relying_party: RelyingParty
) -> AuthenticatorData:
    """Return the state of the new passkey; raise `Rejected`.

    The attestation is not read: no model of authenticator is preferred.
    """
    check_client_data(registration.client_data, "webauthn.create", challenge, relying_party)
    return read_registration_data(
        registration.authenticator_data,
        relying_party.domain,
        registration.credential_id,
        cose_key_of(registration.public_key),
    )


def check_assertion(
    assertion: Assertion, passkey: Passkey, challenge: str, relying_party: RelyingParty
) -> AuthenticatorData:
    """Return the new state of the passkey; raise `Rejected`."""
    check_client_data(assertion.client_data, "webauthn.get", challenge, relying_party)
    data = read_assertion_data(assertion.authenticator_data, relying_party.domain)
    signed = assertion.authenticator_data + hashlib.sha256(assertion.client_data).digest()
    if not is_signed(passkey.public_key, assertion.signature, signed):
        raise Rejected("signature", "wrong_signature", "Must be the signature of the passkey.")
    # Only a signed flag is compared: it never changes (WebAuthn 3, 6.1.3).
    if data.is_backup_eligible != passkey.is_backup_eligible:
        raise Rejected("authenticatorData", "changed_backup", "Must keep its backup eligibility.")
    check_counter(passkey.counter, data.counter)
    return data


def check_counter(stored: int, signed: int) -> None:
    """Raise unless the counter rose, or the authenticator has none (WebAuthn 3, 6.1.1)."""
    if (stored, signed) != (0, 0) and signed <= stored:
        raise CounterNotRisen
