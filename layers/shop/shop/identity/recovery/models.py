"""Recovery tokens, and the rate limits of the emails that contain them."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

LIFETIME = timedelta(hours=1)
# Per 15 minutes. Few per person, or strangers could flood a mailbox; a network has many users.
MAX_EMAILS_FOR_PERSON = 3
MAX_EMAILS_FROM_NETWORK = 20


class Purpose(StrEnum):
    VERIFICATION = "verification"
    RESET = "reset"


class RecoveryToken(NamedTuple):
    """The stored part of a token; the token itself is only in the email."""

    digest: str  # hexadecimal SHA-256
    purpose: Purpose
    user_id: str
    email: str  # the recipient of the token
    # The session generation: a changed password, or the end of all sessions, invalidates the token.
    generation: int
    expires_at: datetime
