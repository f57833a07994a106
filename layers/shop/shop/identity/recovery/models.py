"""What a recovery token is, and how often mail with one may be wanted."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LIFETIME = timedelta(hours=1)
# In 15 minutes. Few for one person, or strangers could fill a mailbox; a network has many people.
MAX_FOR_PERSON = 3
MAX_FROM_NETWORK = 20


class Purpose(StrEnum):
    VERIFICATION = "verification"
    RESET = "reset"


@dataclass(frozen=True)
class RecoveryToken:
    """What is kept of a token; the token itself is in the mail and nowhere else."""

    digest: str  # hexadecimal SHA-256
    purpose: Purpose
    user_id: str
    email: str  # that it was mailed to
    epoch: int  # of the user's gate: a changed password, or an end of all sessions, outdates it
    expires_at: datetime
