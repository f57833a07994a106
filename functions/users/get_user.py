"""GET /api/users/{userId}: read a user."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, NotFound
from shop.http.access import SelfOrAdminCaller
from shop.users.parameters import UserId
from shop.users.reading import UserReads
from shop.users.responses import UserResponse


@endpoint(
    "GET /api/users/{userId}",
    raises=(Forbidden, NotFound),
    scope="account:read",
    admin_scope="admin:users:read",
    rpc="UserService/GetUser",
)
def handler(user_id: UserId, caller: SelfOrAdminCaller, users: UserReads) -> UserResponse:
    """Read yourself (`me`), or any user as an admin."""
    return UserResponse.of(users.read(caller, user_id))
