"""PUT /api/users/{userId}: replace a user."""

from shop.auth.caller import Client
from shop.endpoint import endpoint
from shop.errors import (
    EmailInUse,
    Forbidden,
    InvalidCredentials,
    LastAdmin,
    NotFound,
    PreconditionFailed,
    TooManyRequests,
)
from shop.http.access import SelfOrAdminCaller
from shop.preconditions import Precondition
from shop.users.provide import Users
from shop.users.schemas import UserId, UserRead, UserReplace


@endpoint(
    "PUT /api/users/{userId}",
    raises=(
        *(Forbidden, NotFound, PreconditionFailed, EmailInUse, InvalidCredentials),
        *(LastAdmin, TooManyRequests),
    ),
)
def handler(
    user_id: UserId,
    wanted: UserReplace,
    caller: SelfOrAdminCaller,
    client: Client,
    precondition: Precondition,
    users: Users,
) -> UserRead:
    """Replace a user; only admins change status and role."""
    return UserRead.of(users.replace(caller, user_id, wanted, precondition, client))
