"""The post office: SES."""

import re

from shop.clients import mail
from shop.mail.models import Letter
from shop.mail.service import NotTaken, Refused

# What is wrong with this one mail. All else may pass, or an operator can mend it:
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
_IN_VAIN = ("MessageRejected", "BadRequestException")
_ADDRESS = re.compile(r"[^\s,;:<>\"']+@[^\s,;:<>\"']+")


class SesPostbox:
    def __init__(self, sender: str) -> None:
        self._sender = sender

    def send(self, address: str, letter: Letter, reference: str) -> None:
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
            is_in_vain = code in _IN_VAIN and not self._is_about_sender(message)
            # What SES says besides the code may name the address, and what is raised is logged.
            raise (Refused if is_in_vain else NotTaken)(code) from None

    def _is_about_sender(self, message: str) -> bool:
        """Return whether SES names the sender, which an operator can verify.

        The code of an unverified sender is that of an unverified recipient; only the message lists
        the identities: https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html
        """
        named = {address.rstrip(".").lower() for address in _ADDRESS.findall(message)}
        return self._sender.lower() in named
