"""DELETE /api/users/{userId}: delete a user."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, LastAdmin, NotFound, PreconditionFailed
from shop.http.access import SelfOrAdminCaller
from shop.preconditions import Precondition
from shop.users.dependencies import PersonalData, Users
from shop.users.parameters import UserId


@endpoint("DELETE /api/users/{userId}", raises=(Forbidden, NotFound, PreconditionFailed, LastAdmin))
def handler(
    user_id: UserId,
    caller: SelfOrAdminCaller,
    precondition: Precondition,
    users: Users,
    personal_data: PersonalData,
) -> None:
    """Erase a user with credentials, sessions and the notes of their orders; orders remain under
    the user id. After a 503 the erasure may be incomplete: a retry continues it.
    """
    users.delete(caller, user_id, precondition, personal_data)
