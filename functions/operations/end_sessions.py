"""The end of all of a user's sessions, by an operator; it has no route."""

from shop.operations.by_hand import Facts, by_hand, in_place_of
from shop.operations.commands import SessionsEnd
from shop.sessions.provide import session_service
from shop.users.provide import user_service


@by_hand(SessionsEnd)
def handler(command: SessionsEnd) -> Facts:
    """Whoever has the password may log in again."""
    operator = in_place_of(command.user_id)
    user = user_service().read(operator, command.user_id)
    sessions = len(session_service().live(operator))
    if command.is_confirmed:
        session_service().end_all(operator)
    return {"status": user.status, "sessions": sessions}
