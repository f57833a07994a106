"""The end of all sessions of a user by an operator, without a route."""

from shop.entrypoints.operator_command import CommandResult, act_as, operator_command
from shop.identity.sessions.dependencies import session_service
from shop.operators.commands import EndSessions
from shop.users.reading import user_reader


@operator_command(EndSessions)
def handler(command: EndSessions) -> CommandResult:
    """End all sessions; users with the password can log in again."""
    operator = act_as(command.user_id)
    user = user_reader().read(operator, command.user_id)
    sessions = len(session_service().list_active(operator))
    if command.is_confirmed:
        session_service().end_all(operator)
    return {"status": user.status, "sessions": sessions}
