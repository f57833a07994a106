"""What a user is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shop.caller import Role
from shop.identity.accounts.models import UserStatus


@dataclass(frozen=True)
class FormerEmail:
    """An address that the user had until this version replaced it."""

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
    former_emails: Sequence[FormerEmail] = ()  # the last of them, oldest first

    @property
    def is_active_admin(self) -> bool:
        return self.role is Role.ADMIN and self.status is UserStatus.ACTIVE
