"""Deactivation and activation of a user by an operator, without a route."""

from shop.entrypoints.operator_command import CommandResult, act_as, operator_command
from shop.identity.sessions.dependencies import session_service
from shop.operators.commands import StatusChange
from shop.users.dependencies import user_service


@operator_command(StatusChange)
def handler(command: StatusChange) -> CommandResult:
    """Change the status as an admin's PATCH does: deactivation ends all sessions."""
    operator = act_as(command.user_id)
    user = user_service().preview(operator, command.user_id, command.status)
    sessions = len(session_service().list_active(operator))
    if command.is_confirmed:
        user_service().change_status(command.user_id, command.status)
    return {"role": user.role, "before": user.status, "after": command.status, "sessions": sessions}
