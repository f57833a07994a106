"""GET /api/users/{userId}: read a user."""

from shop.endpoint import endpoint
from shop.errors import Forbidden, NotFound
from shop.http.access import SelfOrAdminCaller
from shop.users.provide import Users
from shop.users.schemas import UserId, UserRead


@endpoint("GET /api/users/{userId}", raises=(Forbidden, NotFound))
def handler(user_id: UserId, caller: SelfOrAdminCaller, users: Users) -> UserRead:
    """Read yourself (`me`), or as an admin anyone."""
    return UserRead.of(users.read(caller, user_id))
