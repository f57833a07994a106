"""Authenticators as their owner sees them, and new secrets and codes."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

ENROLMENT_LIFETIME = timedelta(minutes=10)
MAX_AUTHENTICATORS = 21  # of one user: an app, and 20 passkeys
DEFAULT_NAME = "Authenticator app"


class Kind(StrEnum):
    TOTP = "totp"  # the second factor of log-ins
    PASSKEY = "passkey"  # logs in alone


class Authenticator(NamedTuple):
    user_id: str
    id: str
    kind: Kind
    name: str
    created_at: datetime
    last_used_at: datetime | None
    recovery_codes_left: int | None = None  # None for a passkey


class Enrolment(NamedTuple):
    """An app that is not confirmed yet, with its secret."""

    id: str
    name: str
    secret: str  # in base32
    uri: str
    expires_at: datetime
