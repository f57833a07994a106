"""A mail once more, by an operator; it has no route."""

from shop.entrypoints.operator_command import CommandResult, operator_command
from shop.mail.dependencies import resending
from shop.operators.commands import MailAgain


@operator_command(MailAgain)
def handler(command: MailAgain) -> CommandResult:
    """Gives the id to confirm with: however often it is sent, it makes one mail."""
    type_, id_ = resending().resend(command.user_id, command.order_id, command.confirm)
    return {"type": type_, "confirm": id_}
