"""PUT /api/users/{userId}/password: change your password."""

from shop.caller import Client
from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, InvalidCredentials, NotFound, TooManyRequests
from shop.http.access import SelfCaller
from shop.users.dependencies import Users
from shop.users.parameters import UserId
from shop.users.requests import PasswordChange


@endpoint(
    "PUT /api/users/{userId}/password",
    raises=(Forbidden, NotFound, InvalidCredentials, TooManyRequests),
)
def handler(
    user_id: UserId, payload: PasswordChange, caller: SelfCaller, client: Client, users: Users
) -> None:
    """Change your own password; all other sessions end."""
    users.change_password(caller, user_id, payload, client)
