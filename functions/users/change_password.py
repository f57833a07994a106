"""PUT /api/users/{userId}/password: change one's password."""

from shop.auth.caller import Caller
from shop.endpoint import endpoint
from shop.errors import Forbidden, InvalidCredentials
from shop.users.provide import Users
from shop.users.schemas import PasswordChange, UserId


@endpoint("PUT /api/users/{userId}/password", raises=(Forbidden, InvalidCredentials))
def handler(user_id: UserId, wanted: PasswordChange, caller: Caller, users: Users) -> None:
    """Change one's own password; all other sessions end."""
    users.change_password(caller, user_id, wanted)
