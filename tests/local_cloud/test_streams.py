"""Patches of DynamoDB streams and of their event source mappings."""

import json
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.event_sources import Queue, Table, invocations
from tests.support.waiting import eventually
from tools.local_cloud.stack import LocalStack


@pytest.fixture
def table(stack: LocalStack) -> Table:
    return Table(stack)


def test_stream_records_arrive_in_order_with_both_images(table: Table) -> None:
    def add(writer: int) -> None:
        for it in range(20):
            table.dynamodb.update_item(
                TableName=table.name,
                Key={"id": {"S": f"item-{it % 3}"}},
                UpdateExpression="SET nested = if_not_exists(nested, :empty), writer = :writer "
                "ADD changes :one",
                ExpressionAttributeValues={
                    ":empty": {"M": {"count": {"N": "0"}}},
                    ":writer": {"S": f"{writer}-{it}"},
                    ":one": {"N": "1"},
                },
            )
            table.dynamodb.update_item(
                TableName=table.name,
                Key={"id": {"S": f"item-{it % 3}"}},
                UpdateExpression="ADD nested.#count :one",
                ExpressionAttributeNames={"#count": "count"},
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    table.follow(BatchSize=7)
    with ThreadPoolExecutor(6) as writers:
        list(writers.map(add, range(6)))

    eventually(lambda: sum(len(it.records) for it in table.seen()) >= 240)
    records = [it for batch in table.seen() for it in batch.records]
    numbers = [it["dynamodb"]["SequenceNumber"] for it in records]
    assert len(records) == 240
    # Numbers are without leading zeros, as on AWS.
    assert numbers == [str(it) for it in sorted({int(it) for it in numbers})]
    images: dict[str, list[Any]] = defaultdict(lambda: [None])
    for it in records:
        change = it["dynamodb"]
        history = images[change["Keys"]["id"]["S"]]
        assert change.get("OldImage") == history[-1]
        history.append(change["NewImage"])
    for history in images.values():
        counted = [int(it["changes"]["N"]) + nested(it) for it in history[1:]]
        assert counted == list(range(1, len(history)))


def test_stream_record_reaches_its_function_within_300_milliseconds(table: Table) -> None:
    """Check the fastest of many, since a busy machine slows single ones."""
    table.follow()
    table.put("warm")
    table.batches(1)

    def seconds_on_the_way() -> float:
        number = len(table.seen())
        started = time.time()
        table.put(f"item-{number}")
        table.batches(number + 1)
        return table.seen()[-1].at - started

    assert eventually(lambda: seconds_on_the_way() < 0.3)


def test_stream_has_every_change_of_a_committed_transaction_only(table: Table) -> None:
    def put(name: str, **more: str) -> dict[str, Any]:
        return {"Put": {"TableName": table.name, "Item": {"id": {"S": name}}, **more}}

    table.dynamodb.transact_write_items(TransactItems=[put("a"), put("b"), put("c")])
    with pytest.raises(ClientError):
        table.dynamodb.transact_write_items(
            TransactItems=[put("d"), put("a", ConditionExpression="attribute_not_exists(id)")]
        )
    table.follow()

    assert table.batches(1) == [["a", "b", "c"]]


def test_two_mappings_of_a_stream_each_get_every_record(table: Table) -> None:
    for function in ("Watcher", "SecondWatcher"):
        table.follow(function)
    for name in ("a", "b"):
        table.put(name)

    def counted() -> dict[str, int]:
        counts: dict[str, int] = defaultdict(int)
        for it in table.seen():
            counts[it.function] += len(it.records)
        return counts

    assert eventually(lambda: sorted(counted().values()) == [2, 2])


def test_slow_stream_mapping_delays_no_other(stack: LocalStack) -> None:
    stuck, other = Table(stack), Table(stack)
    # Each times out after a second: together far longer than the other mapping needs.
    names = [f"stuck-{number:03}" for number in range(100)]
    for name in names:
        stuck.put(name, "hang")
    stuck.follow(BatchSize=1, MaximumRetryAttempts=0)
    other.follow("SecondWatcher")

    for it in range(3):
        other.put(f"item-{it}")
        assert len(other.batches(it + 1)) == it + 1

    assert len(stuck.seen()) < len(names)
    assert stuck.batches(1)[0] == names[:1]


def test_stream_batch_waits_for_its_window_until_it_is_full(table: Table) -> None:
    for name in ("a", "b", "c", "d", "e"):
        table.put(name)
    table.follow(BatchSize=3, MaximumBatchingWindowInSeconds=1)

    assert table.batches(2) == [["a", "b", "c"], ["d", "e"]]
    first, second = table.seen()
    assert second.at - first.at > 0.5


def test_filtered_stream_records_are_not_delivered(table: Table) -> None:
    for name in ("a", "b", "c"):
        table.put(name, do="nothing" if name == "b" else "")
    pattern = {
        "$or": [
            {"eventName": ["REMOVE"]},
            {"dynamodb": {"NewImage": {"do": {"S": [{"anything-but": ["raise"]}]}}}},
        ]
    }
    table.follow(FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})

    assert table.batches(1) == [["b"]]


def test_failed_stream_batch_is_retried_before_later_records(table: Table) -> None:
    for name, do in (("a", ""), ("b", "raise once"), ("c", "")):
        table.put(name, do)
    table.follow(BatchSize=2)

    assert table.batches(3) == [["a", "b"], ["a", "b"], ["c"]]


def test_timed_out_stream_batch_is_retried(table: Table, stack: LocalStack) -> None:
    discarded = Queue(stack)
    table.put("a", "hang")
    table.follow(MaximumRetryAttempts=1, DestinationConfig=to(discarded))

    [message] = map(json.loads, discarded.received())
    assert message["requestContext"]["approximateInvokeCount"] == 2


def test_throttled_stream_batch_uses_no_retry(table: Table, stack: LocalStack) -> None:
    discarded = Queue(stack)
    functions, function = stack.client("lambda"), stack.resources()["SecondWatcher"]
    functions.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    table.put("a")
    table.follow("SecondWatcher", MaximumRetryAttempts=0, DestinationConfig=to(discarded))
    time.sleep(0.4)
    assert table.seen() == []

    functions.delete_function_concurrency(FunctionName=function)

    assert table.batches(1) == [["a"]]
    assert discarded.is_empty()


def test_partial_failure_restarts_at_the_reported_record(table: Table) -> None:
    for name, do in (("a", ""), ("b", "report once"), ("c", "report once"), ("d", "")):
        table.put(name, do)
    table.follow(FunctionResponseTypes=["ReportBatchItemFailures"])

    assert table.batches(2) == [["a", "b", "c", "d"], ["b", "c", "d"]]


def test_exhausted_records_send_a_pointer_that_can_be_read(table: Table, stack: LocalStack) -> None:
    discarded = Queue(stack)
    for name, do in (("a", ""), ("b", "report"), ("c", "")):
        table.put(name, do)
    mapping = table.follow(
        FunctionResponseTypes=["ReportBatchItemFailures"],
        MaximumRetryAttempts=1,
        DestinationConfig=to(discarded),
    )
    [message] = map(json.loads, discarded.received())
    table.put("d")

    assert table.batches(4) == [["a", "b", "c"], ["b", "c"], ["b", "c"], ["d"]]
    assert set(message) == {
        *("requestContext", "responseContext", "version", "timestamp", "DDBStreamBatchInfo")
    }
    context = message["requestContext"]
    assert context["condition"] == "RetryAttemptsExhausted"
    assert context["approximateInvokeCount"] == 3
    assert context["functionArn"] == described(stack, mapping)["FunctionArn"]
    assert context["functionArn"].endswith(":live")
    assert context["requestId"] in log_of(stack)
    info = message["DDBStreamBatchInfo"]
    assert info["streamArn"] == table.stream
    assert info["batchSize"] == 2
    sent = table.seen()[1].records
    assert info["startSequenceNumber"] == sent[0]["dynamodb"]["SequenceNumber"]
    assert info["endSequenceNumber"] == sent[1]["dynamodb"]["SequenceNumber"]
    assert read_again(stack, info) == ["b", "c"]


def test_bisection_isolates_the_failing_record(table: Table, stack: LocalStack) -> None:
    discarded = Queue(stack)
    for name in ("a", "b", "c", "d"):
        table.put(name, "raise" if name == "c" else "")
    table.follow(
        BisectBatchOnFunctionError=True, MaximumRetryAttempts=1, DestinationConfig=to(discarded)
    )
    [message] = map(json.loads, discarded.received())

    assert table.batches(6) == [["a", "b", "c", "d"], ["a", "b"], ["c", "d"], ["c"], ["c"], ["d"]]
    assert message["DDBStreamBatchInfo"]["batchSize"] == 1
    assert message["responseContext"]["functionError"] == "Unhandled"


def test_expired_record_age_discards_the_record(table: Table, stack: LocalStack) -> None:
    discarded = Queue(stack)
    table.put("a", "raise")
    table.follow(MaximumRecordAgeInSeconds=3, DestinationConfig=to(discarded))

    [message] = map(json.loads, discarded.received())
    table.put("b")

    assert message["requestContext"]["condition"] == "MaxRecordAgeExceeded"
    assert eventually(lambda: ["b"] in [it.ids for it in table.seen()])


def test_enabled_mapping_resumes_at_its_position(table: Table, stack: LocalStack) -> None:
    mapping, functions = table.follow(), stack.client("lambda")
    table.put("a")
    table.batches(1)
    functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    table.put("b")
    time.sleep(0.3)
    assert len(table.seen()) == 1

    functions.update_event_source_mapping(UUID=mapping, Enabled=True)

    assert table.batches(2) == [["a"], ["b"]]


def test_disabled_mapping_stops_its_retries(table: Table, stack: LocalStack) -> None:
    mapping, functions = table.follow(), stack.client("lambda")
    table.put("a", "raise")
    table.batches(2)

    functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    count = len(table.seen())
    time.sleep(1.5)  # in which an enabled mapping tries again at least twice

    # One retry may have been running.
    assert len(table.seen()) <= count + 1


def test_latest_mapping_starts_after_its_creation(table: Table) -> None:
    table.put("before")
    table.follow(StartingPosition="LATEST")
    table.put("after")

    assert table.batches(1) == [["after"]]


def test_stream_mapping_invokes_the_current_version_of_the_alias(
    table: Table, stack: LocalStack
) -> None:
    table.follow("SecondWatcher")
    table.put("a")
    table.batches(1)
    functions, function = stack.client("lambda"), stack.resources()["SecondWatcher"]
    functions.update_function_configuration(FunctionName=function, Description=table.name)
    version = functions.publish_version(FunctionName=function)["Version"]
    functions.update_alias(FunctionName=function, Name="live", FunctionVersion=version)

    table.put("b")

    assert table.batches(2) == [["a"], ["b"]]
    assert table.seen()[-1].version == version


def test_stream_mapping_without_read_permission_is_rejected(table: Table) -> None:
    with pytest.raises(ClientError, match="Cannot access stream"):
        table.follow("Echo")


def test_template_mapping_has_its_properties_and_defaults(
    stack: LocalStack,
) -> None:
    [mapping] = stack.client("lambda").list_event_source_mappings(
        FunctionName=stack.resources()["Follow"]
    )["EventSourceMappings"]

    assert mapping["BatchSize"] == 10
    assert mapping["MaximumRetryAttempts"] == 1
    assert mapping["MaximumRecordAgeInSeconds"] == -1
    assert mapping["BisectBatchOnFunctionError"] is False
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["FunctionArn"].endswith(":live")


def test_template_mapping_invokes_discards_and_continues(stack: LocalStack) -> None:
    resources, dynamodb = stack.resources(), stack.client("dynamodb")
    table = resources["Watched"]
    for name, do in (("a", "report"), ("b", "")):
        dynamodb.put_item(TableName=table, Item={"id": {"S": name}, "do": {"S": do}})
    dynamodb.delete_item(TableName=table, Key={"id": {"S": "a"}})

    sqs = stack.client("sqs")
    response = sqs.receive_message(QueueUrl=resources["Discarded"], WaitTimeSeconds=5)

    [message] = response["Messages"]
    assert json.loads(message["Body"])["requestContext"]["condition"] == "RetryAttemptsExhausted"
    stream = dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    names = {it["eventName"] for seen in invocations(stack, stream) for it in seen.records}
    assert names == {"INSERT"}


def nested(image: dict[str, Any]) -> int:
    return int(image["nested"]["M"]["count"]["N"])


def to(queue: Queue) -> dict[str, Any]:
    return {"OnFailure": {"Destination": queue.arn}}


def described(stack: LocalStack, mapping: str) -> dict[str, Any]:
    found: dict[str, Any] = stack.client("lambda").get_event_source_mapping(UUID=mapping)
    return found


def log_of(stack: LocalStack) -> str:
    """Return the log of the functions, with the lines of the platform."""
    events = stack.client("logs").filter_log_events(logGroupName="/tiny/http")["events"]
    return "\n".join(it["message"] for it in events)


def read_again(stack: LocalStack, info: dict[str, Any]) -> list[str]:
    """Return the item ids of the records that a pointer message names."""
    streams = stack.client("dynamodbstreams")
    iterator = streams.get_shard_iterator(
        StreamArn=info["streamArn"],
        ShardId=info["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=info["startSequenceNumber"],
    )["ShardIterator"]
    records = streams.get_records(ShardIterator=iterator, Limit=info["batchSize"])["Records"]
    assert records[-1]["dynamodb"]["SequenceNumber"] == info["endSequenceNumber"]
    return [it["dynamodb"]["Keys"]["id"]["S"] for it in records]
