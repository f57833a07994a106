"""Authenticator apps, and the use of one of their codes."""

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from shop.identity.login_attempts.models import RateLimitedRequest


class AuthenticatorApp(NamedTuple):
    """An authenticator app with the recovery codes of its user.

    The salt and the master secret determine its secret, so no table has it.
    """

    user_id: str
    id: str
    name: str
    salt: bytes
    created_at: datetime
    expires_at: datetime | None  # of an enrolment without a code; None for an active app
    last_step: int = 0  # the last 30 s whose code was used
    last_used_at: datetime | None = None
    recovery_digests: frozenset[str] = frozenset()

    @property
    def is_active(self) -> bool:
        return self.expires_at is None


class CodeUse(NamedTuple):
    """A right code that its transaction spends: the one of a step, or a recovery code."""

    user_id: str
    authenticator_id: str
    at: datetime
    attempt: "RateLimitedRequest"  # which the transaction uncounts
    step: int | None = None
    recovery_digest: str | None = None
