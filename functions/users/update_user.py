"""PATCH /api/users/{userId}: change some fields of a user."""

from shop.auth.caller import Caller
from shop.endpoint import endpoint
from shop.errors import (
    EmailInUse,
    Forbidden,
    InvalidCredentials,
    LastAdmin,
    NotFound,
    PreconditionFailed,
)
from shop.preconditions import Precondition
from shop.users.provide import Users
from shop.users.schemas import UserId, UserRead, UserUpdate


@endpoint(
    "PATCH /api/users/{userId}",
    raises=(Forbidden, NotFound, PreconditionFailed, EmailInUse, InvalidCredentials, LastAdmin),
)
def handler(
    user_id: UserId,
    wanted: UserUpdate,
    caller: Caller,
    precondition: Precondition,
    users: Users,
) -> UserRead:
    """Change some fields of a user (JSON Merge Patch); only admins change status and role."""
    return UserRead.of(users.update(caller, user_id, wanted, precondition))
