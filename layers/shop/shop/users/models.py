"""The user model."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shop.caller import Role
from shop.identity.accounts.models import UserStatus


@dataclass(frozen=True)
class FormerEmail:
    """An email address that this version of the user replaced."""

    email: str  # canonical
    version: int


@dataclass(frozen=True)
class User:
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

    @property
    def is_active_admin(self) -> bool:
        return self.role is Role.ADMIN and self.status is UserStatus.ACTIVE
