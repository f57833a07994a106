"""PUT /api/users/{userId}/password: change one's password."""

from shop.auth.caller import Client
from shop.endpoint import endpoint
from shop.errors import Forbidden, InvalidCredentials, NotFound, TooManyRequests
from shop.http.access import SelfCaller
from shop.users.provide import Users
from shop.users.schemas import PasswordChange, UserId


@endpoint(
    "PUT /api/users/{userId}/password",
    raises=(Forbidden, NotFound, InvalidCredentials, TooManyRequests),
)
def handler(
    user_id: UserId, wanted: PasswordChange, caller: SelfCaller, client: Client, users: Users
) -> None:
    """Change one's own password; all other sessions end."""
    users.change_password(caller, user_id, wanted, client)
