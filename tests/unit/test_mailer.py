"""The mailer calls SES once and separates final rejections from temporary failures."""

from collections.abc import Iterator

import pytest
from botocore.stub import Stubber

import shop.clients
from shop.mail.mailer import SesMailer
from shop.mail.models import EmailMessage
from shop.mail.service import EmailNotAccepted, EmailRejected

LETTER = EmailMessage("Subject", "text", "<p>html</p>")


@pytest.fixture
def ses() -> Iterator[Stubber]:
    with Stubber(shop.clients.mail()) as stubber:
        yield stubber


def send(recipient: str = "ada@example.com", sender: str = "shop@example.com") -> None:
    SesMailer(sender, "shop-test").send(recipient, LETTER, "event")


def test_email_carries_the_id_of_its_event(ses: Stubber) -> None:
    body = {
        "Text": {"Data": "text", "Charset": "UTF-8"},
        "Html": {"Data": "<p>html</p>", "Charset": "UTF-8"},
    }
    expected = {
        "FromEmailAddress": "shop@example.com",
        "ConfigurationSetName": "shop-test",
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
def test_malformed_email_is_rejected_finally(ses: Stubber, code: str) -> None:
    ses.add_client_error("send_email", code, "Address ada@example.com")

    with pytest.raises(EmailRejected) as rejection:
        send()
    assert str(rejection.value) == code


UNVERIFIED = (
    "Email address is not verified. The following identities failed the check in region "
    "EU-WEST-1: {}"
)


@pytest.mark.parametrize("code", ["MessageRejected", "BadRequestException"])
@pytest.mark.parametrize(
    "named",
    [
        "shop@example.com",
        "Shop@Example.com.",
        "ada@example.org, shop@example.com",
        "<shop@example.com>",
        "'shop@example.com'",
        "ada@example.org, example.com",
        "ada@example.org, arn:aws:ses:eu-west-1:123456789012:identity/example.com",
        "ada@example.org, arn:aws:ses:eu-west-1:123456789012:identity/shop@example.com",
    ],
)
def test_rejection_that_names_the_sender_is_retried(ses: Stubber, code: str, named: str) -> None:
    ses.add_client_error("send_email", code, UNVERIFIED.format(named))

    with pytest.raises(EmailNotAccepted) as not_taken:
        send("ada@example.org")
    assert str(not_taken.value) == code and not_taken.value.__suppress_context__


@pytest.mark.parametrize(
    "recipient",
    [
        *("ada@example.com", "Ada@Example.org", "o'neil@example.org", "a/b@example.org"),
        *("book.shop@example.com", "shop@example.com.au", "shop@mail.example.com"),
    ],
)
def test_rejection_that_names_only_the_recipient_is_final(ses: Stubber, recipient: str) -> None:
    ses.add_client_error("send_email", "MessageRejected", UNVERIFIED.format(recipient))

    with pytest.raises(EmailRejected):
        send(recipient)


@pytest.mark.parametrize("code", ["MessageRejected", "BadRequestException"])
@pytest.mark.parametrize(
    "message",
    [
        *("", "Missing final '@domain'", "Email address is not verified."),
        UNVERIFIED.format("somebody.else@example.org"),
    ],
)
def test_rejection_without_a_known_identity_is_retried(
    ses: Stubber, code: str, message: str
) -> None:
    ses.add_client_error("send_email", code, message)

    with pytest.raises(EmailNotAccepted):
        send()


@pytest.mark.parametrize("named", ["shop@mail.xn--bcher-kva.de", "XN--Bcher-kva.de"])
def test_rejection_of_an_international_sender_is_retried(ses: Stubber, named: str) -> None:
    message = UNVERIFIED.format(f"ada@example.org, {named}")
    ses.add_client_error("send_email", "MessageRejected", message)

    with pytest.raises(EmailNotAccepted):
        send("ada@example.org", sender="shop@mail.xn--bcher-kva.de")


@pytest.mark.parametrize(
    "code", ["TooManyRequestsException", "SendingPausedException", "InternalFailure"]
)
def test_temporary_failure_is_retried_by_the_queue_only(ses: Stubber, code: str) -> None:
    message = "not authorized on identity/ada@example.com"
    ses.add_client_error("send_email", code, message, http_status_code=429)

    with pytest.raises(EmailNotAccepted) as not_taken:
        send()
    # The response of SES, with an address, is not logged as exception context either.
    assert str(not_taken.value) == code and not_taken.value.__suppress_context__


def test_top_level_domain_of_the_sender_is_no_identity(ses: Stubber) -> None:
    ses.add_client_error("send_email", "MessageRejected", UNVERIFIED.format("ada@example.com"))

    with pytest.raises(EmailRejected):
        send(sender="shop@pears.email")
