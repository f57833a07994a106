"""The post office: SES."""

from shop.clients import mail
from shop.mail.models import Letter
from shop.mail.service import NotTaken, Refused

# What is wrong with this one mail. All else may pass, or an operator can mend it:
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
_IN_VAIN = ("MessageRejected", "BadRequestException")


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
            # What SES says besides the code may name the address, and what is raised is logged.
            raise (Refused if code in _IN_VAIN else NotTaken)(code) from None
