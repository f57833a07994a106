"""A mail once more, by an operator; it has no route."""

from shop.mail.provide import resending
from shop.operations.by_hand import Facts, by_hand
from shop.operations.commands import MailAgain


@by_hand(MailAgain)
def handler(command: MailAgain) -> Facts:
    """Gives the id to confirm with: however often it is sent, it makes one mail."""
    type_, id_ = resending().resend(command.user_id, command.order_id, command.confirm)
    return {"type": type_, "confirm": id_}
