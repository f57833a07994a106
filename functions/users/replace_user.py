"""PUT /api/users/{userId}: replace a user."""

from shop.caller import Client
from shop.entrypoints.http import endpoint
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
from shop.users.dependencies import Users
from shop.users.parameters import UserId
from shop.users.requests import UserReplace
from shop.users.responses import UserResponse


@endpoint(
    "PUT /api/users/{userId}",
    raises=(
        Forbidden,
        NotFound,
        PreconditionFailed,
        EmailInUse,
        InvalidCredentials,
        LastAdmin,
        TooManyRequests,
    ),
)
def handler(
    user_id: UserId,
    payload: UserReplace,
    caller: SelfOrAdminCaller,
    client: Client,
    precondition: Precondition,
    users: Users,
) -> UserResponse:
    """Replace a user; only admins change status and role."""
    return UserResponse.of(users.replace(caller, user_id, payload, precondition, client))
