"""Sessions, and the digests of their refresh tokens."""

from datetime import datetime, timedelta
from hmac import compare_digest
from typing import NamedTuple

from shop.identity.accounts.models import AccountState, UserStatus

IDLE_LIFETIME = timedelta(days=30)
ABSOLUTE_LIFETIME = timedelta(days=180)
REUSE_GRACE = timedelta(seconds=30)  # for a lost response, or two tabs
MAX_SESSIONS = 50  # of one user


class RefreshDigests(NamedTuple):
    """The stored part of a refresh token: digests of its family and secrets, and a salt.

    The salt and the previous secret, which only the client knows, determine the current secret.
    """

    family: bytes
    current: bytes
    salt: bytes
    previous: bytes | None = None
    rotated_at: datetime | None = None

    def is_current(self, digest: bytes) -> bool:
        return compare_digest(self.current, digest)

    def was_just_spent(self, digest: bytes, now: datetime) -> bool:
        """Return whether it is the digest of the previous secret, used at most 30 s ago."""
        if self.previous is None or self.rotated_at is None:
            return False
        return compare_digest(self.previous, digest) and now <= self.rotated_at + REUSE_GRACE


class Session(NamedTuple):
    user_id: str
    id: str
    generation: int
    refresh: RefreshDigests
    created_at: datetime
    last_used_at: datetime
    idle_expires_at: datetime
    absolute_expires_at: datetime
    user_agent: str
    ip_address: str

    @property
    def expires_at(self) -> datetime:
        return min(self.idle_expires_at, self.absolute_expires_at)

    def is_live(self, account_state: AccountState | None, now: datetime) -> bool:
        return (
            account_state is not None
            and account_state.status is UserStatus.ACTIVE
            and account_state.generation == self.generation
            and now < self.expires_at
        )


class Grant(NamedTuple):
    session: Session
    access_token: str
    refresh_token: str
