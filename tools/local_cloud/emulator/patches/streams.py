"""DynamoDB streams: batches for functions, retries, discarded records, numbers, expiry."""

import json
import threading
import time
from collections import deque
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any

from ministack.core.responses import _request_account_id, _request_region
from ministack.services import dynamodb, dynamodb_streams, lambda_svc, sqs

from tools.local_cloud.emulator.patches.environment import last_run
from tools.local_cloud.emulator.patches.event_source_mappings import is_of_stream, passes
from tools.local_cloud.emulator.patches.pinned import pinned
from tools.local_cloud.emulator.patches.stream_retries import (
    BatchAttempt,
    Failure,
    StreamRecord,
    attempts_after,
    failure_of,
)

# AWS pauses up to a minute between retries, which is too long for tests.
MIN_PAUSE_SECONDS = 0.1
MAX_PAUSE_SECONDS = 2.0
POLL_SECONDS = 0.02
MAX_PAYLOAD_BYTES = 6 * 1024 * 1024
# ministack's thread that deletes expired items.
EXPIRY_THREAD = "dynamodb-ttl-reaper"

# Any: ministack's own records.
Record = dict[str, Any]


def apply() -> None:
    invoke_functions_with_batches()
    number_records_in_order()
    mark_expired_items()


def invoke_functions_with_batches() -> None:
    """Poll each mapping's stream on its own thread, so a slow function delays no other."""
    pinned(lambda_svc, "_poll_dynamodb_streams", "")
    pinned(lambda_svc, "_poll_loop", source="_poll_dynamodb_streams()")
    pinned(lambda_svc, "_dispatch_esm_batch", "esm_id fn args", source="_esm_wake.set()")
    pinned(lambda_svc, "_iter_all_esms", "")
    pinned(lambda_svc, "_get_func_record_for_qualifier", "name qualifier")
    pinned(lambda_svc, "_execute_function", "func event")
    pinned(dynamodb, "stream_records_since", "table_name position limit account_id region")
    pinned(dynamodb, "_emit_stream_event", source="esm_wake.set()")
    pinned(sqs, "_queue_by_arn", "arn")
    pinned(sqs, "_act_send_message", "data qurl")
    lambda_svc._poll_dynamodb_streams = _poll_streams


def number_records_in_order() -> None:
    """Number records without leading zeros, independently of the clock."""
    pinned(dynamodb, "_next_stream_seq", "", source="_stream_seq_counter")
    lock = threading.Lock()
    last = 10**23

    def next_number() -> str:
        nonlocal last
        with lock:
            last += 1
            return str(last)

    dynamodb._next_stream_seq = next_number


def mark_expired_items() -> None:
    """Write deletions by TTL to the stream, with the identity of the service.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
    """
    remove = pinned(dynamodb, "_remove_item", "table pk_val sk_val")
    pinned(dynamodb, "_ttl_reaper", source="_remove_item(table, pk_val, sk_val)")
    build = pinned(dynamodb, "_build_change_record", "table event_name old_item new_item view_type")

    def removed(table: Record, partition: str, sort: str) -> None:
        expiring = threading.current_thread().name == EXPIRY_THREAD
        item = table["items"].get(partition, {}).get(sort)
        remove(table, partition, sort)
        if expiring and item is not None:
            _, _, _, region, account, _ = table["TableArn"].split(":", 5)
            _request_account_id.set(account)
            _request_region.set(region)
            dynamodb._emit_stream_event(table["TableName"], "REMOVE", item, None)

    def built(*change: Any) -> Record:
        record: Record = build(*change)
        if threading.current_thread().name == EXPIRY_THREAD:
            record["userIdentity"] = {
                "PrincipalId": "dynamodb.amazonaws.com",
                "Type": "Service",
            }
        return record

    dynamodb._remove_item, dynamodb._build_change_record = removed, built


def _poll_streams() -> bool:
    """Start pollers of streams with new records; return whether any was started.

    ministack calls this after each write, and once a second.
    """
    started = False
    for account, region, mapping in lambda_svc._iter_all_esms():
        if not is_of_stream(mapping) or mapping["UUID"] in lambda_svc._esm_inflight:
            continue
        of_account, of_region = _request_account_id.set(account), _request_region.set(region)
        try:
            poller = StreamPoller(mapping)
            if poller.is_enabled() and poller.is_behind():
                lambda_svc._dispatch_esm_batch(mapping["UUID"], poller.run)
                started = True
        finally:
            _request_account_id.reset(of_account)
            _request_region.reset(of_region)
    return started


class StreamPoller:
    """Poller of one mapping, whose stream has one shard."""

    def __init__(self, mapping: Record) -> None:
        self._mapping = mapping
        self._stream = mapping["EventSourceArn"]
        self._table = self._stream.split("/")[1]

    def is_enabled(self) -> bool:
        mapping = lambda_svc._esms.get(self._mapping["UUID"])
        return bool(mapping and mapping["Enabled"] and self._function())

    def is_behind(self) -> bool:
        table = dynamodb._tables.get(self._table)
        if not table or table.get("LatestStreamArn") != self._stream:
            return False
        return bool(self._position() < dynamodb.stream_end_position(self._table))

    def run(self) -> None:
        while self.is_enabled() and self.is_behind():
            batch, end = self._read_batch()
            if not batch or self._deliver(batch):
                self._move_to(end)

    def _read_batch(self) -> tuple[list[StreamRecord], int]:
        """Return the next batch of records that match the filters, and the position after it."""
        position = self._position()
        batch: list[StreamRecord] = []
        size, since = 0, time.monotonic()
        while True:
            for record in dynamodb.stream_records_since(self._table, position, 1000):
                event = _function_event(record)
                if passes(event, self._mapping):
                    size += len(json.dumps(event))
                    if batch and size > MAX_PAYLOAD_BYTES:
                        return batch, position
                    batch.append(StreamRecord(position, event))
                position += 1
                if len(batch) >= self._mapping["BatchSize"]:
                    return batch, position
            waited = time.monotonic() - since
            window = self._mapping["MaximumBatchingWindowInSeconds"]
            if not batch or waited >= window or not self.is_enabled():
                return batch, position
            time.sleep(POLL_SECONDS)

    def _deliver(self, batch: list[StreamRecord]) -> bool:
        """Process or discard a batch; return False if the mapping is disabled before the end."""
        waiting = deque([BatchAttempt(batch)])
        while waiting:
            attempt = waiting.popleft()
            self._move_to(attempt.records[0].position)
            if not self._pause(attempt.retries):
                return False
            old = list(takewhile(self._is_too_old, attempt.records))
            if old:
                self._discard(old, "MaxRecordAgeExceeded", attempt.invocations, None)
                if young := attempt.records[len(old) :]:
                    waiting.appendleft(BatchAttempt(young, attempt.retries, attempt.invocations))
                continue
            waiting.extendleft(reversed(self._invoke(attempt)))
        return True

    def _invoke(self, attempt: BatchAttempt) -> list[BatchAttempt]:
        """Invoke the function once; return the attempts that remain."""
        function = self._function()
        if function is None:
            return [attempt]
        event = {"Records": [it.record for it in attempt.records]}
        result = lambda_svc._execute_function(function, event)
        if result.get("throttle"):
            # The function was not invoked, so this does not count as a retry.
            time.sleep(MIN_PAUSE_SECONDS)
            return [attempt]
        failure = self._failure(result, attempt.records)
        self._mapping["LastProcessingResult"] = "PROBLEM: Function call failed" if failure else "OK"
        if failure is None:
            return []
        retries, bisect = (
            self._mapping[it] for it in ("MaximumRetryAttempts", "BisectBatchOnFunctionError")
        )
        next_attempts = attempts_after(attempt, failure, retries, bisect)
        if next_attempts is None:
            response = {
                "statusCode": 200,
                "executedVersion": function["config"].get("Version", "$LATEST"),
                "functionError": "Unhandled" if result.get("error") else None,
            }
            invocations = attempt.invocations + 1
            self._discard(attempt.records, "RetryAttemptsExhausted", invocations, response)
        return next_attempts or []

    def _failure(self, result: Record, sent: list[StreamRecord]) -> Failure | None:
        if result.get("error"):
            return Failure(0, reported=False)
        if "ReportBatchItemFailures" not in self._mapping["FunctionResponseTypes"]:
            return None
        return failure_of(result.get("body"), sent)

    def _pause(self, retries: int) -> bool:
        """Pause before a retry; return whether the mapping is still enabled."""
        seconds = MIN_PAUSE_SECONDS * 2 ** min(retries - 1, 10) if retries else 0
        until = time.monotonic() + min(seconds, MAX_PAUSE_SECONDS)
        while self.is_enabled():
            if time.monotonic() >= until:
                return True
            time.sleep(POLL_SECONDS)
        return False

    def _is_too_old(self, it: StreamRecord) -> bool:
        limit = self._mapping["MaximumRecordAgeInSeconds"]
        age = time.time() - it.record["dynamodb"]["ApproximateCreationDateTime"]
        return bool(0 < limit < age)

    def _discard(
        self, records: list[StreamRecord], condition: str, invocations: int, response: Record | None
    ) -> None:
        """Send the position of discarded records to the failure destination.

        https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
        """
        on_failure = (self._mapping.get("DestinationConfig") or {}).get("OnFailure") or {}
        queue = sqs._queue_by_arn(on_failure.get("Destination") or "")
        if queue is None:
            return
        first, last = (records[it].record["dynamodb"] for it in (0, -1))
        message = {
            "requestContext": {
                "requestId": getattr(last_run, "request_id", ""),
                "functionArn": self._mapping["FunctionArn"],
                "condition": condition,
                "approximateInvokeCount": invocations,
            },
            "responseContext": response,
            "version": "1.0",
            "timestamp": _timestamp(time.time(), "milliseconds"),
            "DDBStreamBatchInfo": {
                "shardId": dynamodb_streams._DEFAULT_SHARD_ID,
                "startSequenceNumber": first["SequenceNumber"],
                "endSequenceNumber": last["SequenceNumber"],
                "approximateArrivalOfFirstRecord": _timestamp(
                    first["ApproximateCreationDateTime"], "seconds"
                ),
                "approximateArrivalOfLastRecord": _timestamp(
                    last["ApproximateCreationDateTime"], "seconds"
                ),
                "batchSize": len(records),
                "streamArn": self._stream,
            },
        }
        sqs._act_send_message({"MessageBody": json.dumps(message)}, queue["url"])

    def _function(self) -> Record | None:
        """Return the version that the alias points to now."""
        function, _ = lambda_svc._get_func_record_for_qualifier(
            self._mapping["FunctionName"], self._mapping.get("Qualifier")
        )
        record: Record | None = function
        return record

    def _position(self) -> int:
        horizon: int = dynamodb.stream_start_position(self._table)
        position: int = lambda_svc._dynamodb_stream_positions.get(self._mapping["UUID"], 0)
        return max(horizon, position)

    def _move_to(self, position: int) -> None:
        with lambda_svc._dynamodb_stream_positions_lock:
            # A deleted mapping has no position.
            if self._mapping["UUID"] in lambda_svc._dynamodb_stream_positions:
                lambda_svc._dynamodb_stream_positions[self._mapping["UUID"]] = position


def _function_event(record: Record) -> Record:
    """Return a record as in function events, which write userIdentity in lower camel case."""
    identity = record.get("userIdentity")
    if identity is None:
        return record
    return {
        **record,
        "userIdentity": {"principalId": identity["PrincipalId"], "type": identity["Type"]},
    }


def _timestamp(seconds: float, precision: str) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec=precision)[:-6] + "Z"
