"""Patches of SQS and of its event source mappings."""

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.event_sources import Queue
from tests.support.waiting import eventually
from tools.local_cloud.emulator_process import PYTHON, REPOSITORY
from tools.local_cloud.stack import LocalStack

REPORTING: dict[str, Any] = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}
# Sends a message while another thread holds the lock, with the emulator's packages.
SEND = """
import threading, time
from ministack.services import sqs
from tools.local_cloud.emulator.patches.queues import serialize_queue_changes

serialize_queue_changes()
url = sqs._HANDLERS["CreateQueue"]({"QueueName": "work"}, "")["QueueUrl"]
def send():
    sqs._HANDLERS["SendMessage"]({"QueueUrl": url, "MessageBody": "hello"}, url)
sending = threading.Thread(target=send)
with sqs._queues_lock:
    sending.start()
    sending.join(0.2)
    print(len(sqs._queues[url]["messages"]), end=" ")
sending.join()
print(len(sqs._queues[url]["messages"]))
"""


def do(command: str) -> str:
    return json.dumps({"do": command})


def test_failed_message_alone_is_retried_and_dead_lettered(
    stack: LocalStack,
) -> None:
    dead = Queue(stack)
    redrive = {"deadLetterTargetArn": dead.arn, "maxReceiveCount": 2}
    # Longer than a cold start on a busy machine, which would redeliver all messages.
    work = Queue(stack, VisibilityTimeout="5", RedrivePolicy=json.dumps(redrive))
    work.send_all("a", do("report"), "b")
    work.follow(**REPORTING)

    assert dead.received() == [do("report")]
    assert sorted(work.processed()) == ["a", "b", do("report"), do("report")]
    assert work.is_empty()


def test_report_with_an_unknown_id_keeps_the_batch(stack: LocalStack) -> None:
    dead = Queue(stack)
    redrive = {"deadLetterTargetArn": dead.arn, "maxReceiveCount": 1}
    work = Queue(stack, VisibilityTimeout="1", RedrivePolicy=json.dumps(redrive))
    work.send_all("a", do("report unknown"))
    work.follow(**REPORTING)

    assert sorted(dead.received(2)) == ["a", do("report unknown")]


def test_failed_batch_is_redelivered(stack: LocalStack) -> None:
    work = Queue(stack, VisibilityTimeout="1")
    work.send_all("a", do("raise once"))
    work.follow()

    assert eventually(lambda: len(work.processed()) == 4)
    assert eventually(work.is_empty)


def test_filtered_messages_are_deleted_even_if_the_batch_fails(
    stack: LocalStack,
) -> None:
    work = Queue(stack, VisibilityTimeout="30")
    work.send_all("plain", do("raise"), json.dumps({"other": 1}))
    pattern = {"$or": [{"body": {"do": [{"exists": True}]}}, {"body": {"never": ["sent"]}}]}
    work.follow(FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})

    assert eventually(lambda: work.processed() == [do("raise")])
    assert work.attribute("ApproximateNumberOfMessagesNotVisible") == "1"
    assert work.attribute("ApproximateNumberOfMessages") == "0"


def test_messages_are_delayed_by_message_or_queue(stack: LocalStack) -> None:
    work, slow = Queue(stack, VisibilityTimeout="5"), Queue(stack, DelaySeconds="1")
    work.follow()
    started = time.time()

    work.send("later", DelaySeconds=1)
    work.send("now")
    slow.send("later")

    assert slow.received() == ["later"]
    assert time.time() - started >= 1
    assert eventually(lambda: work.processed() == ["now", "later"])
    assert work.seen()[1].at - started >= 1


def test_concurrent_messages_are_processed_exactly_once(stack: LocalStack) -> None:
    work = Queue(stack, VisibilityTimeout="30")
    work.follow(BatchSize=3, ScalingConfig={"MaximumConcurrency": 4})

    def send(sender: int) -> None:
        for it in range(6):
            work.send_all(*(f"{sender}-{it}-{number}" for number in range(5)))

    with ThreadPoolExecutor(4) as senders:
        list(senders.map(send, range(4)))

    assert eventually(lambda: len(work.processed()) >= 120)
    assert len(set(work.processed())) == len(work.processed()) == 120
    assert eventually(work.is_empty)


def test_sending_waits_for_the_lock_of_queues() -> None:
    ran = subprocess.run(
        [PYTHON, "-c", SEND], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    assert ran.stdout.split() == ["0", "1"]


def test_dead_letters_move_back_to_their_source_queue(stack: LocalStack) -> None:
    dead = Queue(stack)
    redrive = {"deadLetterTargetArn": dead.arn, "maxReceiveCount": 1}
    work = Queue(stack, VisibilityTimeout="1", RedrivePolicy=json.dumps(redrive))
    work.follow(**REPORTING)
    work.send(do("report"))
    assert eventually(lambda: not dead.is_empty())

    sqs = stack.client("sqs")
    task = sqs.start_message_move_task(SourceArn=dead.arn)

    assert task["TaskHandle"]
    [moved] = sqs.list_message_move_tasks(SourceArn=dead.arn)["Results"]
    assert moved["Status"] == "COMPLETED"
    assert moved["ApproximateNumberOfMessagesMoved"] == 1
    # A moved message starts with a receive count of 0.
    assert eventually(lambda: len(work.processed()) == 2)
    assert [it["Attributes"]["ApproximateReceiveCount"] for it in dead.messages()] == ["2"]


def test_dead_letters_move_to_the_named_destination(stack: LocalStack) -> None:
    dead, other = Queue(stack), Queue(stack)
    Queue(stack, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 1}))
    dead.send_all("a", "b")

    sqs = stack.client("sqs")
    sqs.start_message_move_task(SourceArn=dead.arn)
    [failed] = sqs.list_message_move_tasks(SourceArn=dead.arn)["Results"]
    sqs.start_message_move_task(SourceArn=dead.arn, DestinationArn=other.arn)

    assert failed["FailureReason"] == "CouldNotDetermineMessageSource"
    assert other.received(2) == ["a", "b"]
    assert dead.is_empty()


def test_move_task_from_an_ordinary_queue_is_rejected(stack: LocalStack) -> None:
    with pytest.raises(ClientError, match="configured as a Dead Letter Queue"):
        stack.client("sqs").start_message_move_task(SourceArn=Queue(stack).arn)


def test_mapping_with_a_short_visibility_timeout_is_rejected(stack: LocalStack) -> None:
    with pytest.raises(ClientError, match="less than Function timeout"):
        Queue(stack, VisibilityTimeout="4").follow("Worker")


def test_queue_mapping_without_permission_is_rejected(stack: LocalStack) -> None:
    with pytest.raises(ClientError, match="does not have permissions to call"):
        Queue(stack).follow("Echo")


def test_template_queue_mapping_processes_messages(stack: LocalStack) -> None:
    work = Queue(stack, stack.resources()["Work"])

    work.send_all("a", "b")

    assert eventually(lambda: sorted(work.processed()) == ["a", "b"])
    assert eventually(work.is_empty)
