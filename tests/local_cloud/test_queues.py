"""Queues and the functions that work on them, where the emulator differs from AWS as installed."""

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.watching import Queue
from tests.support.waiting import eventually
from tools.local_cloud.emulator_process import PYTHON, REPOSITORY
from tools.local_cloud.stack import LocalStack

REPORTING: dict[str, Any] = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}
# A message that is sent while another thread goes through the queue, in the emulator's environment.
SEND = """
import threading, time
from ministack.services import sqs
from tools.local_cloud.emulator.queues import change_queues_one_at_a_time

change_queues_one_at_a_time()
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


def do(wish: str) -> str:
    return json.dumps({"do": wish})


def test_only_what_failed_is_tried_again_and_goes_to_the_dead_letters_at_last(
    stack: LocalStack,
) -> None:
    dead = Queue(stack)
    redrive = {"deadLetterTargetArn": dead.arn, "maxReceiveCount": 2}
    work = Queue(stack, VisibilityTimeout="1", RedrivePolicy=json.dumps(redrive))
    work.send_all("a", do("report"), "b")
    work.follow(**REPORTING)

    assert dead.received() == [do("report")]
    assert sorted(work.worked_on()) == ["a", "b", do("report"), do("report")]
    assert work.is_empty()


def test_a_report_that_names_no_message_keeps_them_all(stack: LocalStack) -> None:
    dead = Queue(stack)
    redrive = {"deadLetterTargetArn": dead.arn, "maxReceiveCount": 1}
    work = Queue(stack, VisibilityTimeout="1", RedrivePolicy=json.dumps(redrive))
    work.send_all("a", do("report nobody"))
    work.follow(**REPORTING)

    assert sorted(dead.received(2)) == ["a", do("report nobody")]


def test_a_batch_comes_again_after_an_error(stack: LocalStack) -> None:
    work = Queue(stack, VisibilityTimeout="1")
    work.send_all("a", do("raise once"))
    work.follow()

    assert eventually(lambda: len(work.worked_on()) == 4)
    assert eventually(work.is_empty)


def test_what_no_filter_lets_through_is_gone_whatever_becomes_of_the_others(
    stack: LocalStack,
) -> None:
    work = Queue(stack, VisibilityTimeout="30")
    work.send_all("plain", do("raise"), json.dumps({"other": 1}))
    work.follow(FilterCriteria={"Filters": [{"Pattern": '{"body": {"do": [{"exists": true}]}}'}]})

    assert eventually(lambda: work.worked_on() == [do("raise")])
    assert work.attribute("ApproximateNumberOfMessagesNotVisible") == "1"
    assert work.attribute("ApproximateNumberOfMessages") == "0"


def test_messages_are_delayed_as_they_or_their_queue_say(stack: LocalStack) -> None:
    work, slow = Queue(stack, VisibilityTimeout="5"), Queue(stack, DelaySeconds="1")
    work.follow()
    started = time.time()

    work.send("later", DelaySeconds=1)
    work.send("now")
    slow.send("later")

    assert slow.received() == ["later"]
    assert time.time() - started >= 1
    assert eventually(lambda: work.worked_on() == ["now", "later"])
    assert work.seen()[1].at - started >= 1


def test_no_message_is_lost_or_worked_on_twice_when_many_send(stack: LocalStack) -> None:
    work = Queue(stack, VisibilityTimeout="30")
    work.follow(BatchSize=3, ScalingConfig={"MaximumConcurrency": 4})

    def send(sender: int) -> None:
        for it in range(6):
            work.send_all(*(f"{sender}-{it}-{number}" for number in range(5)))

    with ThreadPoolExecutor(4) as senders:
        list(senders.map(send, range(4)))

    assert eventually(lambda: len(work.worked_on()) >= 120)
    assert len(set(work.worked_on())) == len(work.worked_on()) == 120
    assert eventually(work.is_empty)


def test_a_message_is_sent_when_no_thread_goes_through_its_queue() -> None:
    ran = subprocess.run(
        [PYTHON, "-c", SEND], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    assert ran.stdout.split() == ["0", "1"]


def test_dead_letters_move_back_to_where_they_came_from(stack: LocalStack) -> None:
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
    # And they are tried again, as often as any other message.
    assert eventually(lambda: len(work.worked_on()) == 2)
    assert [it["Attributes"]["ApproximateReceiveCount"] for it in dead.messages()] == ["2"]


def test_dead_letters_move_to_the_queue_that_is_named(stack: LocalStack) -> None:
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


def test_only_dead_letters_are_moved(stack: LocalStack) -> None:
    with pytest.raises(ClientError, match="configured as a Dead Letter Queue"):
        stack.client("sqs").start_message_move_task(SourceArn=Queue(stack).arn)


def test_a_queue_must_hide_messages_as_long_as_its_function_may_take(stack: LocalStack) -> None:
    with pytest.raises(ClientError, match="less than Function timeout"):
        Queue(stack, VisibilityTimeout="4").follow("Worker")


def test_a_mapping_whose_role_may_not_work_on_the_queue_is_refused(stack: LocalStack) -> None:
    with pytest.raises(ClientError, match="does not have permissions to call"):
        Queue(stack).follow("Echo")


def test_a_mapping_of_a_template_is_worked_on(stack: LocalStack) -> None:
    work = Queue(stack, stack.resources()["Work"])

    work.send_all("a", "b")

    assert eventually(lambda: sorted(work.worked_on()) == ["a", "b"])
    assert eventually(work.is_empty)
