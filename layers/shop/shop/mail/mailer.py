"""The post office: SES."""

import re

from shop.clients import mail
from shop.mail.models import EmailMessage
from shop.mail.service import NotTaken, Refused

# What may be wrong with this one email. All else may pass, or an operator can fix it:
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
_IN_VAIN = ("MessageRejected", "BadRequestException")
_BETWEEN_NAMES = re.compile(r"[\s,;:<>()]+")


class SesMailer:
    def __init__(self, sender: str) -> None:
        self._sender = sender

    def send(self, address: str, letter: EmailMessage, reference: str) -> None:
        """The reference is a header, by which two copies of a mail can be told to be one."""
        client = mail()
        try:
            client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [address]},
                Content={
                    "Simple": {
                        "Subject": {"Data": letter.subject, "Charset": "UTF-8"},
                        "Body": {
                            "Text": {"Data": letter.text, "Charset": "UTF-8"},
                            "Html": {"Data": letter.html, "Charset": "UTF-8"},
                        },
                        "Headers": [
                            {"Name": "X-Entity-Ref-ID", "Value": reference},
                            {"Name": "Auto-Submitted", "Value": "auto-generated"},
                        ],
                    }
                },
            )
        except client.exceptions.ClientError as error:
            code = error.response["Error"]["Code"]
            message = error.response["Error"].get("Message", "")
            is_in_vain = code in _IN_VAIN and self._is_about_recipient(message, address)
            # What SES says besides the code may name the address, and what is raised is logged.
            raise (Refused if is_in_vain else NotTaken)(code) from None

    def _is_about_recipient(self, message: str, address: str) -> bool:
        """Return whether SES names the recipient and no identity of the sender.

        The code of an unverified sender, which an operator can verify, is that of an unverified
        recipient. Only the message lists the identities, each an address, a domain or an ARN:
        https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html
        """
        named = {
            name.rpartition("identity/")[2].strip("\"'.").lower()
            for name in _BETWEEN_NAMES.split(message)
        }
        return address.lower() in named and named.isdisjoint(_identities(self._sender))


def _identities(address: str) -> set[str]:
    """Return all names under which SES may verify an address: its own, and its domains."""
    labels = address.lower().rpartition("@")[2].split(".")
    domains = {".".join(labels[start:]) for start in range(len(labels) - 1)}
    return {address.lower(), *domains}
