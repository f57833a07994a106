"""Resending of an email by an operator, without a route."""

from shop.entrypoints.operator_command import CommandResult, operator_command
from shop.mail.dependencies import email_resender
from shop.operators.commands import ResendEmail


@operator_command(ResendEmail)
def handler(command: ResendEmail) -> CommandResult:
    """Return the id that confirms the command; repeated confirmations send one email."""
    type_, id_ = email_resender().resend(command.user_id, command.order_id, command.confirm)
    return {"type": type_, "confirm": id_}
