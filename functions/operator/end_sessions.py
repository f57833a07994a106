"""The end of all of a user's sessions, by an operator; it has no route."""

from shop.entrypoints.operator_command import CommandResult, act_as, operator_command
from shop.identity.sessions.dependencies import session_service
from shop.operators.commands import SessionsEnd
from shop.users.dependencies import user_service


@operator_command(SessionsEnd)
def handler(command: SessionsEnd) -> CommandResult:
    """Whoever has the password may log in again."""
    operator = act_as(command.user_id)
    user = user_service().read(operator, command.user_id)
    sessions = len(session_service().list_active(operator))
    if command.is_confirmed:
        session_service().end_all(operator)
    return {"status": user.status, "sessions": sessions}
