"""DELETE /api/users/{userId}: delete a user."""

from shop.auth.caller import Caller
from shop.endpoint import endpoint
from shop.errors import Forbidden, LastAdmin, NotFound, PreconditionFailed
from shop.preconditions import Precondition
from shop.users.provide import Users
from shop.users.schemas import UserId


@endpoint("DELETE /api/users/{userId}", raises=(Forbidden, NotFound, PreconditionFailed, LastAdmin))
def handler(user_id: UserId, caller: Caller, precondition: Precondition, users: Users) -> None:
    """Erase a user with credentials and sessions; their orders stay under the bare id."""
    users.delete(caller, user_id, precondition)
