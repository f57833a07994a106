"""Passkeys, the relying party, and the limits of WebAuthn's values."""

import re
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

from shop.identity.authenticators.models import Authenticator, Kind

MAX_PASSKEYS = 20  # of one user
MAX_CREDENTIAL_ID = 1023  # bytes (WebAuthn 3, 4)
# In PASSKEY_ORIGINS: every port of `localhost`. template.yaml rejects it outside the local
# stage.
LOOPBACK = "loopback"
_LOOPBACK_ORIGIN = re.compile(r"http://localhost(:[0-9]{1,5})?")


class Algorithm(IntEnum):
    """Signature algorithms, by their COSE numbers (RFC 9053, RFC 8812)."""

    ES256 = -7
    EDDSA = -8
    RS256 = -257


class RelyingParty(NamedTuple):
    """The domain that passkeys are bound to, and the origins of pages that may use them."""

    domain: str
    origins: frozenset[str]

    def allows(self, origin: str) -> bool:
        if LOOPBACK in self.origins and _LOOPBACK_ORIGIN.fullmatch(origin):
            return True
        return origin in self.origins - {LOOPBACK}


class PublicKey(NamedTuple):
    """A public key in the form of X.509's SubjectPublicKeyInfo (DER)."""

    algorithm: Algorithm
    spki: bytes


class Passkey(NamedTuple):
    user_id: str
    id: str  # derived from the user and the credential id, see `passkey_id`
    credential_id: bytes
    public_key: PublicKey
    counter: int
    is_backup_eligible: bool
    is_backed_up: bool
    name: str
    created_at: datetime
    last_used_at: datetime | None

    @property
    def authenticator(self) -> Authenticator:
        """What its owner sees."""
        return Authenticator(
            self.user_id, self.id, Kind.PASSKEY, self.name, self.created_at, self.last_used_at
        )
