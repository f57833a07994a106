"""Deactivation and activation of a user by an operator; it has no route."""

from shop.operations.by_hand import Facts, by_hand, in_place_of
from shop.operations.commands import StatusChange
from shop.sessions.provide import session_service
from shop.users.provide import user_service


@by_hand(StatusChange)
def handler(command: StatusChange) -> Facts:
    """As an admin's PATCH does it: whoever is deactivated has no session left."""
    operator = in_place_of(command.user_id)
    user = user_service().foresee(operator, command.user_id, command.status)
    sessions = len(session_service().live(operator))
    if command.is_confirmed:
        user_service().change_status(command.user_id, command.status)
    return {"role": user.role, "before": user.status, "after": command.status, "sessions": sessions}
