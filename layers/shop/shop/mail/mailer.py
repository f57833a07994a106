"""Sending of emails by SES."""

import re

from shop.clients import mail
from shop.mail.models import EmailMessage
from shop.mail.service import EmailNotAccepted, EmailRejected

# Errors that may concern one email only. All others pass, or an operator can fix them:
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
_PERMANENT = ("MessageRejected", "BadRequestException")
_BETWEEN_NAMES = re.compile(r"[\s,;:<>()]+")


class SesMailer:
    def __init__(self, sender: str, configuration_set: str) -> None:
        self._sender = sender
        self._configuration_set = configuration_set

    def send(self, address: str, message: EmailMessage, reference: str) -> None:
        """Send an email. The reference is a header that identifies copies of one email."""
        client = mail()
        try:
            client.send_email(
                FromEmailAddress=self._sender,
                ConfigurationSetName=self._configuration_set,
                Destination={"ToAddresses": [address]},
                Content={
                    "Simple": {
                        "Subject": {"Data": message.subject, "Charset": "UTF-8"},
                        "Body": {
                            "Text": {"Data": message.text, "Charset": "UTF-8"},
                            "Html": {"Data": message.html, "Charset": "UTF-8"},
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
            reason = error.response["Error"].get("Message", "")
            is_permanent = code in _PERMANENT and self._is_about_recipient(reason, address)
            # The reason may contain the address, and exceptions are logged.
            raise (EmailRejected if is_permanent else EmailNotAccepted)(code) from None

    def _is_about_recipient(self, reason: str, address: str) -> bool:
        """Return whether SES names the recipient and no identity of the sender.

        The code of an unverified sender, which an operator can verify, is that of an unverified
        recipient. Only the message lists the identities, each an address, a domain or an ARN:
        https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html
        """
        named = {
            name.rpartition("identity/")[2].strip("\"'.").lower()
            for name in _BETWEEN_NAMES.split(reason)
        }
        return address.lower() in named and named.isdisjoint(_identities(self._sender))


def _identities(address: str) -> set[str]:
    """Return all names under which SES may verify an address: its own, and its domains."""
    labels = address.lower().rpartition("@")[2].split(".")
    domains = {".".join(labels[start:]) for start in range(len(labels) - 1)}
    return {address.lower(), *domains}
