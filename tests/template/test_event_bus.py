"""Guarantees of streams, queues and rules in the template that no linter checks."""

import json
from typing import Any

import pytest

from tests.support.monitoring import alarms
from tests.support.sam_template import resources

QUEUES = resources("AWS::SQS::Queue")
MAPPINGS = resources("AWS::Lambda::EventSourceMapping")
STREAMS = {name: it for name, it in MAPPINGS.items() if "StreamArn" in str(it["EventSourceArn"])}
WORK = {name: it for name, it in MAPPINGS.items() if name not in STREAMS}
FUNCTIONS = resources("AWS::Serverless::Function")
DAY = 24 * 3600


def named(reference: dict[str, str]) -> str:
    """Return the logical id in a `Ref` or a `GetAtt`."""
    [value] = reference.values()
    return value.split(".")[0]


@pytest.mark.parametrize("name", sorted(QUEUES))
def test_queues_are_encrypted_and_retained(name: str) -> None:
    assert QUEUES[name]["SqsManagedSseEnabled"] is True
    assert QUEUES[name]["MessageRetentionPeriod"] == 14 * DAY  # the maximum of SQS


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_stream_source_has_bounds_and_a_dead_letter_queue(name: str) -> None:
    mapping = STREAMS[name]

    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert 0 <= mapping["MaximumRetryAttempts"] <= 10_000
    # Dead-lettered pointers must be read before their records expire from the stream.
    assert 0 < mapping["MaximumRecordAgeInSeconds"] <= DAY - 4 * 3600
    destination = named(mapping["DestinationConfig"]["OnFailure"]["Destination"])
    assert destination in QUEUES


def test_stream_has_at_most_two_readers() -> None:
    sources = [named(mapping["EventSourceArn"]) for mapping in STREAMS.values()]

    assert max(sources.count(source) for source in sources) <= 2


@pytest.mark.parametrize("name", sorted(WORK))
def test_queue_has_dead_letters_and_six_times_the_worker_timeout(name: str) -> None:
    queue = QUEUES[named(WORK[name]["EventSourceArn"])]
    function = FUNCTIONS[named(WORK[name]["FunctionName"])]

    assert WORK[name]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
    assert named(queue["RedrivePolicy"]["deadLetterTargetArn"]) in QUEUES
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5


def may_send(rule: str, queue: str) -> bool:
    """Return whether a policy allows exactly this rule to send to the queue."""
    for policy in resources("AWS::SQS::QueuePolicy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            if (
                statement["Principal"] == {"Service": "events.amazonaws.com"}
                and statement["Action"] == "sqs:SendMessage"
                and queue in json.dumps(statement["Resource"])
                and {"Ref": queue} in policy["Queues"]
            ):
                sources: Any = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
                sources = sources if isinstance(sources, list) else [sources]
                if rule in map(named, sources):
                    return True
    return False


@pytest.mark.parametrize("name", sorted(resources("AWS::Events::Rule")))
def test_rule_may_send_to_its_queue_and_its_dead_letters(name: str) -> None:
    for target in resources("AWS::Events::Rule")[name]["Targets"]:
        dead_letters = target["DeadLetterConfig"]["Arn"]
        for queue in (target["Arn"], dead_letters):
            assert may_send(name, named(queue))
        # Redriven messages have the format that the rule delivers: a constant, or the whole event.
        assert not {"InputPath", "InputTransformer"} & target.keys()
        is_scheduled = "ScheduleExpression" in resources("AWS::Events::Rule")[name]
        assert "Input" not in target or is_scheduled


ALARMS = alarms()


def is_watched(metric: str, dimension: dict[str, Any]) -> bool:
    return any(
        alarm.get("MetricName") == metric and alarm.get("Dimensions") == [dimension]
        for alarm in ALARMS.values()
    )


def test_alarm_covers_every_queue_without_a_worker() -> None:
    completion_lines = {named(mapping["EventSourceArn"]) for mapping in WORK.values()}

    for queue in QUEUES.keys() - completion_lines:
        name = {"Name": "QueueName", "Value": f"<{queue}.QueueName>"}
        assert is_watched("ApproximateNumberOfMessagesVisible", name), queue


def test_alarm_covers_stream_lag_before_records_are_dropped() -> None:
    for mapping in STREAMS.values():
        function = named(mapping["FunctionName"])
        name = {"Name": "FunctionName", "Value": f"shop-test-{function}"}
        assert is_watched("IteratorAge", name)
    for alarm in ALARMS.values():
        if alarm.get("MetricName") == "IteratorAge":
            oldest = min(it["MaximumRecordAgeInSeconds"] for it in STREAMS.values())
            assert alarm["Threshold"] / 1000 < oldest / 2


def test_archive_keeps_events_for_a_month() -> None:
    [archive] = resources("AWS::Events::Archive").values()

    assert archive["RetentionDays"] == 30
    assert archive["SourceArn"] == {"Fn::GetAtt": "Bus.Arn"}
