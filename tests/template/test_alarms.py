"""Alarms publish to the topic, evaluate metrics that exist, and link to their runbook pages."""

import json
import re
from typing import Any

import pytest

from tests.support.monitoring import METRICS, alarms, metrics_of
from tests.support.sam_template import ROOT, resources, template

ALARMS = alarms()
# CloudWatch counts these for the whole account; other alarms name their resources.
WHOLE_ACCOUNT = {"ThrottlesAlarm", "TableThrottlesAlarm", "TableErrorsAlarm"}
FOR_ROLLBACKS = ("ServerErrorsAlarm", "LatencyAlarm")


@pytest.mark.parametrize("name", ALARMS)
def test_alarm_publishes_to_the_topic_when_it_begins_and_ends(name: str) -> None:
    assert ALARMS[name]["AlarmActions"] == ["<AlarmTopic>"]
    assert ALARMS[name]["OKActions"] == ["<AlarmTopic>"]


@pytest.mark.parametrize("name", ALARMS)
def test_alarm_description_has_severity_sentence_and_runbook(name: str) -> None:
    found = re.fullmatch(
        r"(page|ticket): [A-Z0-9].*\. See (docs/runbooks/[a-z-]+\.md)",
        ALARMS[name]["AlarmDescription"],
    )

    assert found, "write `<severity>: <sentence>. See ${RunbookUrl}/<page>.md`"
    text = (ROOT / found[2]).read_text()
    assert text.startswith(f"# {name}\n\nSeverity: **{found[1]}**. ")


def test_paging_alarms_are_few_and_all_others_are_tickets() -> None:
    paging = {name for name, it in ALARMS.items() if it["AlarmDescription"].startswith("page: ")}

    # An alarm pages if customers are affected now, or data is lost before the next working day.
    assert paging == {
        *("ServerErrorsAlarm", "AuthorizerErrorsAlarm", "MalformedPasswordHashAlarm"),
        *("PublishEventsLagAlarm", "OrdersToProcessAgeAlarm", "UnpublishedEventsAlarm"),
    }


@pytest.mark.parametrize("name", ALARMS)
def test_alarm_evaluates_metrics_that_exist(name: str) -> None:
    found = list(metrics_of(ALARMS[name]))

    assert found
    assert not [metric for metric in found if metric not in METRICS], (
        "look the metric up in the documentation of AWS, and add it to METRICS in "
        "tests/support/monitoring.py"
    )


@pytest.mark.parametrize("name", ALARMS)
def test_alarm_treats_missing_data_and_begins_within_five_minutes(name: str) -> None:
    alarm = ALARMS[name]
    math = [e for e in alarm.get("Metrics", []) if "MetricStat" in e]
    period = alarm.get("Period") or (math[0]["MetricStat"]["Period"] if math else 60)

    assert alarm["TreatMissingData"] in ("notBreaching", "ignore")
    assert period * alarm["DatapointsToAlarm"] <= 300
    assert alarm["DatapointsToAlarm"] <= alarm["EvaluationPeriods"]


@pytest.mark.parametrize(
    "name", ["ServerErrorsAlarm", "LatencyAlarm", "AuthorizerErrorsAlarm", "ThrottlesAlarm"]
)
def test_single_bad_minute_raises_no_alarm_about_requests(name: str) -> None:
    assert ALARMS[name]["DatapointsToAlarm"] == 3


@pytest.mark.parametrize(
    ("errors", "requests", "is_on"),
    [(1, 1, False), (1, 2, False), (2, 2, True), (5, 1000, False), (11, 1000, True)],
)
def test_server_errors_alarm_needs_two_errors_and_more_than_one_percent(
    errors: int, requests: int, is_on: bool
) -> None:
    alarm = ALARMS["ServerErrorsAlarm"]
    math = re.fullmatch(r"IF\((.+), (.+), (.+)\)", alarm["Metrics"][0]["Expression"])
    assert math

    # Metric math as Python: only IF differs.
    condition, share, otherwise = math.groups()
    known: dict[str, Any] = {"errors": errors, "requests": requests}
    value = eval(f"({share}) if ({condition}) else ({otherwise})", {}, known)

    assert (value > alarm["Threshold"]) is is_on


@pytest.mark.parametrize("name", FOR_ROLLBACKS)
def test_rollback_alarm_has_no_circular_dependency(name: str) -> None:
    declared = json.dumps(resources("AWS::CloudWatch::Alarm")[name])
    references = re.findall(r'"Ref": "([^"]+)"', declared) + re.findall(r"\$\{([^}]+)\}", declared)

    assert set(references) == {"AlarmTopic", "AWS::StackName", "RunbookUrl"}
    assert "Fn::GetAtt" not in declared
    (api,) = resources("AWS::Serverless::Api").values()
    assert api["Name"] == {"Ref": "AWS::StackName"}


def test_age_alarms_cover_every_queue_with_a_worker() -> None:
    queues = resources("AWS::SQS::Queue")
    completion_lines = {name for name, queue in queues.items() if "RedrivePolicy" in queue}
    ages = json.dumps([alarm for alarm in ALARMS.values() if "OldestMessage" in json.dumps(alarm)])

    assert len(completion_lines) == 3
    for queue in completion_lines:
        assert f"<{queue}.QueueName>" in ages


def test_only_the_account_wide_alarms_lack_own_dimensions() -> None:
    own = {n for n, a in ALARMS.items() if any(m.dimensions for m in metrics_of(a))}
    named = {n for n, a in ALARMS.items() if a.get("Namespace", "").startswith("shop-")}
    asking = {n for n, a in ALARMS.items() if "SELECT" in json.dumps(a)}

    assert set(ALARMS) - (own - asking) - named == WHOLE_ACCOUNT


def test_only_alarms_of_this_stack_may_publish_to_the_topic() -> None:
    (policy,) = resources("AWS::SNS::TopicPolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]

    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Action"] == "sns:Publish"
    assert statement["Condition"]["StringEquals"] == {
        "aws:SourceAccount": {"Ref": "AWS::AccountId"}
    }
    arn = statement["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"]
    assert arn.endswith("${AWS::AccountId}:alarm:${AWS::StackName}-*")
    # CloudFormation generates the others: they begin with the name of the operations stack.
    named = {name: alarm["AlarmName"] for name, alarm in ALARMS.items() if "AlarmName" in alarm}
    assert named == {name: f"shop-test-{name}" for name in FOR_ROLLBACKS}


def test_alarm_topic_is_not_encrypted() -> None:
    assert template()["Resources"]["AlarmTopic"] == {"Type": "AWS::SNS::Topic"}


def test_alarm_email_is_subscribed_only_if_it_is_set() -> None:
    subscription = template()["Resources"]["AlarmMails"]

    assert subscription["Condition"] == "MailsAlarms"
    assert subscription["Properties"]["Endpoint"] == {"Ref": "AlarmEmail"}
    assert template()["Parameters"]["AlarmEmail"]["Default"] == ""
