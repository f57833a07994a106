"""DELETE /api/users/{userId}: delete a user."""

from shop.endpoint import endpoint
from shop.errors import Forbidden, LastAdmin, NotFound, PreconditionFailed
from shop.http.access import SelfOrAdminCaller
from shop.preconditions import Precondition
from shop.users.provide import Users
from shop.users.schemas import UserId


@endpoint("DELETE /api/users/{userId}", raises=(Forbidden, NotFound, PreconditionFailed, LastAdmin))
def handler(
    user_id: UserId, caller: SelfOrAdminCaller, precondition: Precondition, users: Users
) -> None:
    """Erase a user with credentials and sessions; their orders stay under the bare id."""
    users.delete(caller, user_id, precondition)
