"""Accounts: the credential, the account state, and the profile fields that recovery changes."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from shop.caller import Role


class UserStatus(StrEnum):
    ACTIVE = "active"
    INACTIVE = "inactive"


class Credential(NamedTuple):
    user_id: str
    password_hash: str


class AccountState(NamedTuple):
    """The state of a user that all sessions depend on.

    A session is active only in the current generation of an active account.
    """

    user_id: str
    generation: int
    status: UserStatus
    role: Role
    second_factor: str | None = None  # the id of the authenticator app that log-ins need


class Account(NamedTuple):
    """The fields of a user that recovery reads."""

    id: str
    email: str  # canonical
    status: UserStatus
    email_verified: bool
    updated_at: datetime
    version: int
