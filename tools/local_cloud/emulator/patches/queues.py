"""SQS: changes under one lock, partial batch failures, and redrive."""

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

# Any: ministack's own records.
Record = dict[str, Any]

MAX_TASKS_PER_QUEUE = 10


def apply() -> None:
    serialize_queue_changes()
    delete_processed_messages_only()
    support_redrive()


def serialize_queue_changes() -> None:
    """Change queues under one lock, so no message sent during a deletion is lost.

    Requests run on the event loop; mappings receive and delete on their own threads.
    """
    pinned(sqs, "_receive_messages_for_esm", source="with _queues_lock")
    pinned(sqs, "_delete_messages_for_esm", source="with _queues_lock")
    actions = pinned(sqs, "_HANDLERS")
    lock = sqs._queues_lock = threading.RLock()

    def locked(change: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(change)
        def with_lock(*arguments: Any) -> Any:
            with lock:
                return change(*arguments)

        return with_lock

    # Each of these iterates over a queue's messages and then replaces the list.
    sqs._expire_retained = locked(sqs._expire_retained)
    sqs._dlq_sweep = locked(sqs._dlq_sweep)
    sqs._collect_msgs = locked(sqs._collect_msgs)
    sqs._refresh_counts = locked(sqs._refresh_counts)
    for action, act in actions.items():
        # ReceiveMessage waits for messages, and changes queues by the functions above.
        if action != "ReceiveMessage":
            actions[action] = locked(act)
    sqs._act_send_message = actions["SendMessage"]
    eventbridge._dispatch_to_sqs = locked(
        pinned(eventbridge, "_dispatch_to_sqs", "spec payload sqs_parameters")
    )
    lambda_svc._route_async_failure = locked(
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
        # Delete filtered messages even if the invocation fails.
        filtered = {it["receipt_handle"] for it in batch if it["id"] not in sent}
        sqs._delete_messages_for_esm(url, filtered)
        batch = [it for it in batch if it["id"] in sent]
        if "ReportBatchItemFailures" not in mapping["FunctionResponseTypes"]:
            run(mapping, function, event, batch, url, name)
            return
        result = lambda_svc._execute_function(function, event)
        failed = sent if result.get("error") else _failed_ids(result.get("body"), sent)
        mapping["LastProcessingResult"] = "PROBLEM: Function call failed" if failed else "OK"
        processed = {it["receipt_handle"] for it in batch if it["id"] not in failed}
        sqs._delete_messages_for_esm(url, processed)

    lambda_svc._run_sqs_batch = run_batch


# Any: the response of a function.
def _failed_ids(response: Any, sent: set[str]) -> set[str]:
    """Return the ids of the messages to keep."""
    if response is None:
        return set()
    if not isinstance(response, dict):
        return sent
    failures = response.get("batchItemFailures") or []
    named = {str(it.get("itemIdentifier")) if isinstance(it, dict) else "" for it in failures}
    return named if named <= sent else sent


def support_redrive() -> None:
    """Move messages of a dead-letter queue to their source queues, synchronously.

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
        destination = data.get("DestinationArn")
        if destination and sqs._queue_by_arn(destination) is None:
            raise sqs._Err("ResourceNotFoundException", "The destination doesn't exist.", 404)
        task: Record = {
            "SourceArn": source,
            "StartedTimestamp": int(time.time() * 1000),
            "ApproximateNumberOfMessagesToMove": len(_visible(queue)),
            **({"DestinationArn": destination} if destination else {}),
        }
        with sqs._queues_lock:
            task |= _move(queue, destination)
        tasks.setdefault(source, []).insert(0, task)
        del tasks[source][MAX_TASKS_PER_QUEUE:]
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


def _move(queue: Record, destination: str | None) -> Record:
    """Move the visible messages; return the result, FAILED at one without a source queue."""
    moved = 0
    for message in _visible(queue):
        origin = destination or message["sys"].get("DeadLetterQueueSourceArn")
        target = origin and sqs._queue_by_arn(origin)
        if not target:
            return {
                "Status": "FAILED",
                "FailureReason": "CouldNotDetermineMessageSource",
                "ApproximateNumberOfMessagesMoved": moved,
            }
        queue["messages"].remove(message)
        # A moved message is a new one, with a receive count of 0.
        sent = {"MessageBody": message["body"], "MessageAttributes": message["message_attributes"]}
        sqs._act_send_message(sent, target["url"])
        moved += 1
    return {"Status": "COMPLETED", "ApproximateNumberOfMessagesMoved": moved}
