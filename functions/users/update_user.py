"""PATCH /api/users/{userId}: change some fields of a user."""

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
from shop.users.requests import UserUpdate
from shop.users.responses import UserResponse


@endpoint(
    "PATCH /api/users/{userId}",
    raises=(
        Forbidden,
        NotFound,
        PreconditionFailed,
        EmailInUse,
        InvalidCredentials,
        LastAdmin,
        TooManyRequests,
    ),
    rpc="UserService/UpdateUser",
)
def handler(
    user_id: UserId,
    payload: UserUpdate,
    caller: SelfOrAdminCaller,
    client: Client,
    precondition: Precondition,
    users: Users,
) -> UserResponse:
    """Change some fields of a user (JSON Merge Patch); only admins change status and role."""
    return UserResponse.of(users.update(caller, user_id, payload, precondition, client))
