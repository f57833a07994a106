"""The path of an email through the template, from the bus to the worker and its dead letters."""

import re
import tomllib

import pytest

from shop.email_queue import (
    PERSONAL_DATA_EXPORTED,
    RESET_REQUESTED,
    SECOND_FACTOR_CHANGED,
    VERIFICATION_REQUESTED,
    WEBHOOK_DISABLED,
)
from shop.mail.dependencies import mail_service
from tests.support.sam_template import ROOT, resources, template

QUEUE, FAILED = "EmailsToSend", "EmailsToSendFailed"


def arn(name: str) -> dict[str, str]:
    return {"Fn::GetAtt": f"{name}.Arn"}


def test_visibility_timeout_is_six_times_the_worker_timeout() -> None:
    worker = resources("AWS::Serverless::Function")["SendEmail"]
    queue = resources("AWS::SQS::Queue")[QUEUE]

    assert queue["VisibilityTimeout"] >= 6 * worker["Timeout"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == arn(FAILED)
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5
    for name in (QUEUE, FAILED):
        assert resources("AWS::SQS::Queue")[name]["SqsManagedSseEnabled"] is True


def test_worker_reports_messages_separately_and_respects_the_ses_rate() -> None:
    mapping = resources("AWS::Lambda::EventSourceMapping")["SendEmails"]

    assert mapping["EventSourceArn"] == arn(QUEUE)
    assert mapping["FunctionName"] == {"Ref": "SendEmail.Alias"}
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"]["MaximumConcurrency"] == 2


def test_queue_accepts_the_rule_only_and_undelivered_events_are_dead_lettered() -> None:
    rule = resources("AWS::Events::Rule")["EmailsToSendRule"]
    (target,) = rule["Targets"]
    (statement,) = resources("AWS::SQS::QueuePolicy")["EmailsToSendPolicy"]["PolicyDocument"][
        "Statement"
    ]

    assert "InputPath" not in target  # undelivered events would have another format
    assert target["Arn"] == arn(QUEUE) and target["DeadLetterConfig"] == {"Arn": arn(FAILED)}
    assert statement["Resource"] == [arn(QUEUE), arn(FAILED)]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": arn("EmailsToSendRule")}}


def test_rule_matches_every_event_type_with_an_email() -> None:
    pattern = resources("AWS::Events::Rule")["EmailsToSendRule"]["EventPattern"]

    requested = {RESET_REQUESTED, VERIFICATION_REQUESTED, WEBHOOK_DISABLED, PERSONAL_DATA_EXPORTED}
    requested |= {SECOND_FACTOR_CHANGED}
    written = mail_service().types - requested
    assert set(pattern["detail-type"]) == written


def test_email_is_off_without_a_sender_and_requires_a_recovery_page() -> None:
    parameters = template()["Parameters"]

    assert parameters["MailFrom"]["Default"] == parameters["RecoveryPage"]["Default"] == ""
    for name in ("MailSettings", "MailEvents"):
        assert template()["Resources"][name]["Condition"] == "SendsMail"
    (assertion,) = template()["Rules"]["MailHasLinks"]["Assertions"]
    assert "RecoveryPage" in str(assertion["Assert"])


def test_sender_is_declared_unless_ses_has_its_identity() -> None:
    assert template()["Parameters"]["CreateMailIdentity"]["Default"] == "true"
    assert template()["Resources"]["MailSender"]["Condition"] == "DeclaresSender"
    assert template()["Conditions"]["DeclaresSender"] == {
        "Fn::And": [
            {"Condition": "SendsMail"},
            {"Fn::Equals": [{"Ref": "CreateMailIdentity"}, "true"]},
        ]
    }


def test_no_email_goes_to_an_address_that_bounced_or_complained() -> None:
    settings = resources("AWS::SES::ConfigurationSet")["MailSettings"]
    sender = resources("AWS::Serverless::Function")["SendEmail"]

    assert settings["SuppressionOptions"] == {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]}
    assert sender["Environment"]["Variables"]["MAIL_CONFIGURATION_SET"] == {
        "Fn::If": ["SendsMail", {"Ref": "MailSettings"}, ""]
    }
    # SES requires the permission for the set too; its name is that of the stack.
    (policy,) = sender["Policies"]
    allowed = [it["Resource"] for it in policy["Statement"] if it["Action"] == "ses:SendEmail"]
    assert settings["Name"] == {"Ref": "AWS::StackName"}
    assert str(allowed[0]).endswith(":configuration-set/${AWS::StackName}'}")


def test_bounces_and_complaints_are_counted_without_addresses() -> None:
    events = resources("AWS::SES::ConfigurationSetEventDestination")["MailEvents"]
    destination = events["EventDestination"]

    assert destination["Enabled"] is True
    assert destination["MatchingEventTypes"] == ["bounce", "complaint"]
    assert "SnsDestination" not in destination


@pytest.mark.parametrize(
    ("sender", "is_allowed"),
    [
        *(("", True), ("shop@example.com", True), ("no-reply+a@mail.xn--bcher-kva.de", True)),
        *(("Shop<shop@example.com>", False), ("o'neil@example.com", False)),
        *(("shop@bücher.de", False), ("shop@example", False), ("shop@example.com.", False)),
    ],
)
def test_sender_is_a_plain_address(sender: str, is_allowed: bool) -> None:
    pattern = template()["Parameters"]["MailFrom"]["AllowedPattern"]

    assert (re.fullmatch(pattern, sender) is not None) is is_allowed


@pytest.mark.parametrize("environment", ["default", "staging", "prod"])
def test_every_environment_with_email_has_a_recovery_page(environment: str) -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())[environment]
    overrides = config["deploy"]["parameters"]["parameter_overrides"]

    assert ("MailFrom=" in overrides) == ("RecoveryPage=" in overrides)


def test_worker_sends_from_the_sender_only_also_in_the_ses_sandbox() -> None:
    (policy,) = resources("AWS::Serverless::Function")["SendEmail"]["Policies"]
    sending = [it for it in policy["Statement"] if it["Action"] == "ses:SendEmail"]

    for statement in sending:
        if str(statement["Resource"]).count("identity/*"):
            assert statement["Condition"] == {
                "StringEquals": {"ses:FromAddress": {"Ref": "MailFrom"}}
            }
    assert [str(it["Resource"]).count("identity/*") for it in sending] == [0, 0, 1]


def test_send_email_writes_only_idempotency_rows_of_emails() -> None:
    (policy,) = resources("AWS::Serverless::Function")["SendEmail"]["Policies"]
    (statement,) = [it for it in policy["Statement"] if "IdempotencyTable" in str(it["Resource"])]

    assert statement["Action"] == "dynamodb:UpdateItem"
    assert statement["Condition"] == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["mail#*"]}
    }
