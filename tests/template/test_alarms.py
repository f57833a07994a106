"""Alarms tell somebody, of what is really measured, and each has its entry in the runbook."""

import json
import re
from typing import Any

import pytest

from tests.support.monitoring import METRICS, alarms, metrics_of
from tests.support.sam_template import ROOT, functions, resources, template

RUNBOOK = (ROOT / "docs/operations.md").read_text()
ALARMS = alarms()
OF_ALL = ("What watching costs", "Where to look")  # and so of no alarm
# CloudWatch counts everything of these together; all others name what they are about.
WHOLE_ACCOUNT = {"ThrottlesAlarm", "TableThrottlesAlarm", "TableErrorsAlarm"}
FOR_ROLLBACKS = ("ServerErrorsAlarm", "LatencyAlarm")


def entries() -> dict[str, str]:
    """The headings under Alarms that are alarms' names, and what is below each."""
    section = RUNBOOK.split("\n## Alarms\n")[1].split("\n## ")[0]
    parts = re.split(r"^### (.+)$", section, flags=re.MULTILINE)
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    return {name: text for name, text in found.items() if name not in OF_ALL}


def anchor(heading: str) -> str:
    """As GitHub makes them: lower case, no punctuation, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_tells_the_topic_when_it_begins_and_when_it_is_over(name: str) -> None:
    assert ALARMS[name]["AlarmActions"] == ["<AlarmTopic>"]
    assert ALARMS[name]["OKActions"] == ["<AlarmTopic>"]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_says_what_is_wrong_and_where_to_read_on(name: str) -> None:
    sentence, link = ALARMS[name]["AlarmDescription"].rsplit(" See ", 1)

    assert sentence.endswith(".")
    assert link in [f"docs/operations.md#{anchor(heading)}" for heading in entries()]
    assert link.endswith(f"#{anchor(name)}")


def test_the_runbook_has_an_entry_for_each_alarm_and_no_other() -> None:
    assert list(entries()) == list(ALARMS), (
        "give the alarm an entry in docs/operations.md, in the order of template.yaml"
    )
    assert re.findall(r"^\| \[(\w+)\]\(#(\w+)\)", RUNBOOK, re.MULTILINE) == [
        (name, anchor(name)) for name in ALARMS
    ]


@pytest.mark.parametrize("name", ALARMS)
def test_an_entry_says_what_it_means_three_steps_and_how_it_ends(name: str) -> None:
    text = entries()[name]

    assert re.findall(r"^(\*\*Means:\*\*|\d\.|\*\*Over:\*\*) ", text, re.MULTILINE) == [
        *("**Means:**", "1.", "2.", "3.", "**Over:**")
    ]


def test_entries_name_saved_queries_and_make_targets_that_exist() -> None:
    saved = {
        query["Name"]["Fn::Sub"].removeprefix("${AWS::StackName}/")
        for query in resources("AWS::Logs::QueryDefinition").values()
    }
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    section = RUNBOOK.split("\n## Alarms\n")[1].split("\n## ")[0]

    named = re.findall(r"`<stack>/([^`]+)`", section)
    assert set(named) <= saved
    assert sorted(re.findall(r"^\| `<stack>/([^`]+)` \|", section, re.MULTILINE)) == sorted(saved)
    assert set(re.findall(r"`make ([a-z-]+)", section)) <= set(targets)


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_is_about_metrics_that_there_are(name: str) -> None:
    found = list(metrics_of(ALARMS[name]))

    assert found
    assert not [metric for metric in found if metric not in METRICS], (
        "look the metric up in the documentation of AWS, and add it to METRICS in "
        "tests/support/monitoring.py"
    )


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_knows_what_no_data_means_and_begins_within_five_minutes(name: str) -> None:
    alarm = ALARMS[name]
    math = [e for e in alarm.get("Metrics", []) if "MetricStat" in e]
    period = alarm.get("Period") or (math[0]["MetricStat"]["Period"] if math else 60)

    assert alarm["TreatMissingData"] in ("notBreaching", "ignore")
    assert period * alarm["DatapointsToAlarm"] <= 300
    assert alarm["DatapointsToAlarm"] <= alarm["EvaluationPeriods"]


@pytest.mark.parametrize(
    "name", ["ServerErrorsAlarm", "LatencyAlarm", "AuthorizerErrorsAlarm", "ThrottlesAlarm"]
)
def test_one_bad_minute_alone_rings_no_alarm_about_requests(name: str) -> None:
    assert ALARMS[name]["DatapointsToAlarm"] == 3


@pytest.mark.parametrize(
    ("errors", "requests", "rings"),
    [(1, 1, False), (1, 2, False), (2, 2, True), (5, 1000, False), (11, 1000, True)],
)
def test_the_share_of_errors_is_of_enough_errors(errors: int, requests: int, rings: bool) -> None:
    alarm = ALARMS["ServerErrorsAlarm"]
    math = re.fullmatch(r"IF\((.+), (.+), (.+)\)", alarm["Metrics"][0]["Expression"])
    assert math

    # IF is the one word of CloudWatch's metric math that Python spells otherwise.
    condition, share, otherwise = math.groups()
    known: dict[str, Any] = {"errors": errors, "requests": requests}
    value = eval(f"({share}) if ({condition}) else ({otherwise})", {}, known)

    assert (value > alarm["Threshold"]) is rings


@pytest.mark.parametrize("name", FOR_ROLLBACKS)
def test_rollbacks_can_use_an_alarm_without_waiting_in_a_circle(name: str) -> None:
    told = json.dumps(resources("AWS::CloudWatch::Alarm")[name])
    references = re.findall(r'"Ref": "([^"]+)"', told) + re.findall(r"\$\{([^}]+)\}", told)

    assert set(references) == {"AlarmTopic", "AWS::StackName", "RunbookUrl"}
    assert "Fn::GetAtt" not in told
    (api,) = resources("AWS::Serverless::Api").values()
    assert api["Name"] == {"Ref": "AWS::StackName"}


def test_somebody_is_told_of_messages_that_nobody_works_on_in_time() -> None:
    queues = resources("AWS::SQS::Queue")
    worked_on = {name for name, queue in queues.items() if "RedrivePolicy" in queue}
    ages = json.dumps([alarm for alarm in ALARMS.values() if "OldestMessage" in json.dumps(alarm)])

    assert len(worked_on) == 2
    for queue in worked_on:
        assert f"<{queue}.QueueName>" in ages


def test_no_alarm_but_those_that_say_so_is_about_the_whole_account() -> None:
    own = {n for n, a in ALARMS.items() if any(m.dimensions for m in metrics_of(a))}
    named = {n for n, a in ALARMS.items() if a.get("Namespace", "").startswith("shop-")}
    asking = {n for n, a in ALARMS.items() if "SELECT" in json.dumps(a)}

    assert set(ALARMS) - (own - asking) - named == WHOLE_ACCOUNT
    for name in WHOLE_ACCOUNT:
        assert "account" in entries()[name]


def test_what_watching_costs_is_what_the_runbook_says() -> None:
    metrics = sum(len(list(metrics_of(alarm))) for alarm in ALARMS.values())

    assert f"{len(ALARMS)} alarms on {metrics} metrics, $0.10 each" in RUNBOOK
    assert f"| {metrics * 0.1:.2f} |" in RUNBOOK
    routes = len([function for function in functions() if function.route])
    assert f"{routes} routes by up to 7 metrics by $0.30, saved | −{routes * 2.1:.2f}" in RUNBOOK


def test_only_this_stacks_alarms_may_publish_to_the_topic() -> None:
    (policy,) = resources("AWS::SNS::TopicPolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]

    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Action"] == "sns:Publish"
    assert statement["Condition"]["StringEquals"] == {
        "aws:SourceAccount": {"Ref": "AWS::AccountId"}
    }
    arn = statement["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"]
    assert arn.endswith("${AWS::AccountId}:alarm:${AWS::StackName}-*")
    # Alarms have no names of their own, so that CloudFormation's begin with the stack's.
    assert not any("AlarmName" in alarm for alarm in ALARMS.values())


def test_the_topic_is_not_encrypted_with_a_key_that_alarms_may_not_use() -> None:
    assert template()["Resources"]["AlarmTopic"] == {"Type": "AWS::SNS::Topic"}


def test_an_address_is_mailed_to_only_if_there_is_one() -> None:
    subscription = template()["Resources"]["AlarmMails"]

    assert subscription["Condition"] == "MailsAlarms"
    assert subscription["Properties"]["Endpoint"] == {"Ref": "AlarmEmail"}
    assert template()["Parameters"]["AlarmEmail"]["Default"] == ""
