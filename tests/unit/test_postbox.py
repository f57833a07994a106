"""SES is asked once, and its refusals are told apart from its bad days."""

from collections.abc import Iterator

import pytest
from botocore.stub import Stubber

import shop.clients
from shop.mail.models import Letter
from shop.mail.postbox import SesPostbox
from shop.mail.service import NotTaken, Refused

LETTER = Letter("Subject", "text", "<p>html</p>")


@pytest.fixture
def ses() -> Iterator[Stubber]:
    with Stubber(shop.clients.mail()) as stubber:
        yield stubber


def send() -> None:
    SesPostbox("shop@example.com").send("ada@example.com", LETTER, "event")


def test_a_mail_carries_the_id_of_its_event(ses: Stubber) -> None:
    body = {
        "Text": {"Data": "text", "Charset": "UTF-8"},
        "Html": {"Data": "<p>html</p>", "Charset": "UTF-8"},
    }
    expected = {
        "FromEmailAddress": "shop@example.com",
        "Destination": {"ToAddresses": ["ada@example.com"]},
        "Content": {
            "Simple": {
                "Subject": {"Data": "Subject", "Charset": "UTF-8"},
                "Body": body,
                "Headers": [
                    {"Name": "X-Entity-Ref-ID", "Value": "event"},
                    {"Name": "Auto-Submitted", "Value": "auto-generated"},
                ],
            }
        },
    }
    ses.add_response("send_email", {"MessageId": "1"}, expected)

    send()

    ses.assert_no_pending_responses()


@pytest.mark.parametrize("code", ["MessageRejected", "BadRequestException"])
def test_what_is_wrong_with_the_mail_itself_is_refused_for_good(ses: Stubber, code: str) -> None:
    ses.add_client_error("send_email", code, "Address ada@example.com")

    with pytest.raises(Refused) as refused:
        send()
    assert str(refused.value) == code


@pytest.mark.parametrize(
    "code", ["TooManyRequestsException", "SendingPausedException", "InternalFailure"]
)
def test_what_may_pass_is_tried_again_by_the_queue_and_not_here(ses: Stubber, code: str) -> None:
    message = "not authorized on identity/ada@example.com"
    ses.add_client_error("send_email", code, message, http_status_code=429)

    with pytest.raises(NotTaken) as not_taken:
        send()
    # Nor is what SES said, with an address in it, logged as this one's context.
    assert str(not_taken.value) == code and not_taken.value.__suppress_context__
