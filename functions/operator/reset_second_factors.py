"""The reset of a user's second factors by an operator, without a route."""

from shop.entrypoints.operator_command import CommandResult, act_as, operator_command
from shop.identity.authenticators.dependencies import authenticator_service
from shop.operators.commands import ResetSecondFactors
from shop.users.reading import user_reader


@operator_command(ResetSecondFactors)
def handler(command: ResetSecondFactors) -> CommandResult:
    """Delete all authenticators; the password alone logs in again, and the user gets an email."""
    operator = act_as(command.user_id)
    user = user_reader().read(operator, command.user_id)
    authenticators = len(authenticator_service().list(operator))
    if command.is_confirmed:
        authenticator_service().reset(command.user_id)
    return {"status": user.status, "authenticators": authenticators}
