"""The user model."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from shop.caller import Role
from shop.identity.accounts.models import UserStatus

MAX_FORMER_EMAILS = 10  # enough for delayed notifications to find their address


class FormerEmail(NamedTuple):
    """An email address that this version of the user replaced."""

    email: str  # canonical
    version: int


class User(NamedTuple):
    id: str
    email: str  # canonical
    name: str
    status: UserStatus
    role: Role
    email_verified: bool
    created_at: datetime
    updated_at: datetime
    version: int
    former_emails: Sequence[FormerEmail] = ()  # the most recent ones, oldest first
    # Written with the password, by `identity.accounts`
    password_changed_at: datetime | None = None

    @property
    def is_active_admin(self) -> bool:
        return self.role is Role.ADMIN and self.status is UserStatus.ACTIVE
