"""SQS: nothing lost between threads, failures of a batch as reported, and redrive."""

import base64
import json
import threading
import time
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import uuid4

from ministack.services import eventbridge, lambda_svc, sqs

from tools.local_cloud.emulator.patches.pinned import pinned

# Any: the emulator's own records.
Record = dict[str, Any]

TASKS_KEPT_PER_QUEUE = 10


def apply() -> None:
    serialize_queue_changes()
    delete_processed_messages_only()
    support_redrive()


def serialize_queue_changes() -> None:
    """Keep a message that is sent while another thread deletes one.

    Requests are answered on the event loop, mappings receive and delete on threads of their own.
    """
    pinned(sqs, "_receive_messages_for_esm", source="with _queues_lock")
    pinned(sqs, "_delete_messages_for_esm", source="with _queues_lock")
    actions = pinned(sqs, "_HANDLERS")
    lock = sqs._queues_lock = threading.RLock()

    def alone(change: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(change)
        def changing(*arguments: Any) -> Any:
            with lock:
                return change(*arguments)

        return changing

    # Each of these iterates over a queue's messages and then replaces the list.
    sqs._expire_retained = alone(sqs._expire_retained)
    sqs._dlq_sweep = alone(sqs._dlq_sweep)
    sqs._collect_msgs = alone(sqs._collect_msgs)
    sqs._refresh_counts = alone(sqs._refresh_counts)
    for action, act in actions.items():
        # Receiving waits for messages, and does its changes by the functions above.
        if action != "ReceiveMessage":
            actions[action] = alone(act)
    sqs._act_send_message = actions["SendMessage"]
    eventbridge._dispatch_to_sqs = alone(
        pinned(eventbridge, "_dispatch_to_sqs", "spec payload sqs_parameters")
    )
    lambda_svc._route_async_failure = alone(
        pinned(lambda_svc, "_route_async_failure", "target_arn func_name event result")
    )


def delete_processed_messages_only() -> None:
    """Keep the whole batch when a report names no message of it, as AWS does.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    run = pinned(lambda_svc, "_run_sqs_batch", "esm func_rec event batch queue_url queue_name")
    pinned(lambda_svc, "_run_sqs_batch", source="result = _execute_function(func_rec, event)")

    def run_batch(
        mapping: Record, function: Record, event: Record, batch: list[Record], url: str, name: str
    ) -> None:
        sent = {it["messageId"] for it in event["Records"]}
        # What no filter let through is gone, whatever becomes of the others.
        filtered = {it["receipt_handle"] for it in batch if it["id"] not in sent}
        sqs._delete_messages_for_esm(url, filtered)
        batch = [it for it in batch if it["id"] in sent]
        if "ReportBatchItemFailures" not in mapping["FunctionResponseTypes"]:
            run(mapping, function, event, batch, url, name)
            return
        result = lambda_svc._execute_function(function, event)
        failed = sent if result.get("error") else _failed(result.get("body"), sent)
        mapping["LastProcessingResult"] = "PROBLEM: Function call failed" if failed else "OK"
        processed = {it["receipt_handle"] for it in batch if it["id"] not in failed}
        sqs._delete_messages_for_esm(url, processed)

    lambda_svc._run_sqs_batch = run_batch


# Any: what a function answered.
def _failed(answer: Any, sent: set[str]) -> set[str]:
    """The ids of the messages to keep."""
    if answer is None:
        return set()
    if not isinstance(answer, dict):
        return sent
    failures = answer.get("batchItemFailures") or []
    named = {str(it.get("itemIdentifier")) if isinstance(it, dict) else "" for it in failures}
    return named if named <= sent else sent


def support_redrive() -> None:
    """Move a dead-letter queue's messages back to where they came from, at once.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
    """
    actions = pinned(sqs, "_HANDLERS")
    pinned(sqs, "_queue_by_arn", "arn")
    pinned(sqs, "_dlq_sweep", source='"DeadLetterQueueSourceArn"')
    tasks: dict[str, list[Record]] = {}

    def start(data: Record, _: str) -> Record:
        source = data["SourceArn"]
        queue = sqs._queue_by_arn(source)
        if queue is None:
            raise sqs._Err("ResourceNotFoundException", "The source queue doesn't exist.", 404)
        if not _is_dead_letter_queue(source):
            raise sqs._Err(
                "InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue."
            )
        wanted = data.get("DestinationArn")
        if wanted and sqs._queue_by_arn(wanted) is None:
            raise sqs._Err("ResourceNotFoundException", "The destination doesn't exist.", 404)
        task: Record = {
            "SourceArn": source,
            "StartedTimestamp": int(time.time() * 1000),
            "ApproximateNumberOfMessagesToMove": len(_visible(queue)),
            **({"DestinationArn": wanted} if wanted else {}),
        }
        with sqs._queues_lock:
            task |= _moved(queue, wanted)
        tasks.setdefault(source, []).insert(0, task)
        del tasks[source][TASKS_KEPT_PER_QUEUE:]
        handle = {"taskId": str(uuid4()), "sourceArn": source}
        return {"TaskHandle": base64.b64encode(json.dumps(handle).encode()).decode()}

    def list_tasks(data: Record, _: str) -> Record:
        found = tasks.get(data["SourceArn"], [])
        return {"Results": found[: int(data.get("MaxResults", 1))]}

    actions["StartMessageMoveTask"] = start
    actions["ListMessageMoveTasks"] = list_tasks


def _is_dead_letter_queue(arn: str) -> bool:
    policies = (it["attributes"].get("RedrivePolicy") for it in sqs._queues.values())
    return any(json.loads(it)["deadLetterTargetArn"] == arn for it in policies if it)


def _visible(queue: Record) -> list[Record]:
    return [it for it in queue["messages"] if it["visible_at"] <= time.time()]


def _moved(queue: Record, wanted: str | None) -> Record:
    """How a task ended; it stops at a message that never was in another queue."""
    moved = 0
    for message in _visible(queue):
        origin = wanted or message["sys"].get("DeadLetterQueueSourceArn")
        target = origin and sqs._queue_by_arn(origin)
        if not target:
            return {
                "Status": "FAILED",
                "FailureReason": "CouldNotDetermineMessageSource",
                "ApproximateNumberOfMessagesMoved": moved,
            }
        queue["messages"].remove(message)
        # It arrives as a message of its own, which nobody has received yet.
        sent = {"MessageBody": message["body"], "MessageAttributes": message["message_attributes"]}
        sqs._act_send_message(sent, target["url"])
        moved += 1
    return {"Status": "COMPLETED", "ApproximateNumberOfMessagesMoved": moved}
