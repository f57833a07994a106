"""GET /api/users: list users."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden
from shop.http.access import AdminCaller
from shop.users.dependencies import Users
from shop.users.requests import UserListQuery
from shop.users.responses import UserPage, UserResponse


@endpoint(
    "GET /api/users",
    raises=(Forbidden,),
    admin_scope="admin:users:read",
    rpc="UserService/ListUsers",
)
def handler(query: UserListQuery, caller: AdminCaller, users: Users) -> UserPage:
    """List users by status and time."""
    return UserPage.of(users.list(caller, query), query, UserResponse.of)
