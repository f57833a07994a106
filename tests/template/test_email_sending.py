"""The way of a mail through the template: what is on the bus reaches the worker, or a person."""

import re
import tomllib

import pytest

from shop.email_queue import RESET_REQUESTED, VERIFICATION_REQUESTED
from shop.mail.dependencies import mail_service
from tests.support.sam_template import ROOT, resources, template

QUEUE, FAILED = "EmailsToSend", "EmailsToSendFailed"


def arn(name: str) -> dict[str, str]:
    return {"Fn::GetAtt": f"{name}.Arn"}


def test_a_message_is_hidden_for_six_times_as_long_as_the_worker_may_take() -> None:
    worker = resources("AWS::Serverless::Function")["SendEmail"]
    queue = resources("AWS::SQS::Queue")[QUEUE]

    assert queue["VisibilityTimeout"] >= 6 * worker["Timeout"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == arn(FAILED)
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5
    for name in (QUEUE, FAILED):
        assert resources("AWS::SQS::Queue")[name]["SqsManagedSseEnabled"] is True


def test_the_worker_reports_messages_one_by_one_and_keeps_to_what_ses_takes() -> None:
    mapping = resources("AWS::Lambda::EventSourceMapping")["SendEmails"]

    assert mapping["EventSourceArn"] == arn(QUEUE)
    assert mapping["FunctionName"] == {"Ref": "SendEmail.Alias"}
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"]["MaximumConcurrency"] == 2


def test_only_the_rule_may_deliver_and_what_it_cannot_deliver_is_kept() -> None:
    rule = resources("AWS::Events::Rule")["EmailsToSendRule"]
    (target,) = rule["Targets"]
    (statement,) = resources("AWS::SQS::QueuePolicy")["EmailsToSendPolicy"]["PolicyDocument"][
        "Statement"
    ]

    assert "InputPath" not in target  # or what it cannot deliver would look otherwise
    assert target["Arn"] == arn(QUEUE) and target["DeadLetterConfig"] == {"Arn": arn(FAILED)}
    assert statement["Resource"] == [arn(QUEUE), arn(FAILED)]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": arn("EmailsToSendRule")}}


def test_the_rule_passes_every_type_that_somebody_is_written_of() -> None:
    pattern = resources("AWS::Events::Rule")["EmailsToSendRule"]["EventPattern"]

    written = mail_service().types - {RESET_REQUESTED, VERIFICATION_REQUESTED}
    assert set(pattern["detail-type"]) == written


def test_mail_is_off_unless_a_sender_is_named_and_then_links_lead_somewhere() -> None:
    parameters = template()["Parameters"]

    assert parameters["MailFrom"]["Default"] == parameters["RecoveryPage"]["Default"] == ""
    assert template()["Resources"]["MailSender"]["Condition"] == "SendsMail"
    (assertion,) = template()["Rules"]["MailHasLinks"]["Assertions"]
    assert "RecoveryPage" in str(assertion["Assert"])


@pytest.mark.parametrize(
    ("sender", "is_allowed"),
    [
        *(("", True), ("shop@example.com", True), ("no-reply+a@mail.xn--bcher-kva.de", True)),
        *(("Shop<shop@example.com>", False), ("o'neil@example.com", False)),
        *(("shop@bücher.de", False), ("shop@example", False), ("shop@example.com.", False)),
    ],
)
def test_the_sender_is_a_plain_address(sender: str, is_allowed: bool) -> None:
    pattern = template()["Parameters"]["MailFrom"]["AllowedPattern"]

    assert (re.fullmatch(pattern, sender) is not None) is is_allowed


@pytest.mark.parametrize("environment", ["default", "staging", "prod"])
def test_every_environment_that_mails_has_a_page(environment: str) -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())[environment]
    told = config["deploy"]["parameters"]["parameter_overrides"]

    assert ("MailFrom=" in told) == ("RecoveryPage=" in told)


def test_the_worker_mails_from_the_sender_only_also_where_ses_asks_for_the_recipient() -> None:
    (policy,) = resources("AWS::Serverless::Function")["SendEmail"]["Policies"]
    sending = [it for it in policy["Statement"] if it["Action"] == "ses:SendEmail"]

    for statement in sending:
        if str(statement["Resource"]).count("identity/*"):
            assert statement["Condition"] == {
                "StringEquals": {"ses:FromAddress": {"Ref": "MailFrom"}}
            }
    assert [str(it["Resource"]).count("identity/*") for it in sending] == [0, 1]
