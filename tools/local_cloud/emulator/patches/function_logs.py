"""Logs of invocations: streams of CloudWatch Logs, and a file to follow."""

import json
import time
from typing import Any

from ministack.services import cloudwatch_logs, lambda_svc

from tools.local_cloud.emulator.patches.environment import last_run
from tools.local_cloud.emulator.patches.pinned import pinned
from tools.local_cloud.emulator.settings import Settings

# Any: ministack's own records.
Record = dict[str, Any]


def apply(settings: Settings) -> None:
    log_invocations_by_environment(settings)


def log_invocations_by_environment(settings: Settings) -> None:
    """Write one log stream per environment, as on AWS, and copy the lines to a file."""
    pinned(
        lambda_svc,
        "_emit_lambda_logs",
        "func request_id log_text error duration_ms log_source",
        source='stream_name = f"',
    )
    append = pinned(cloudwatch_logs, "_append_log_events", "stream events")
    pinned(cloudwatch_logs, "_make_group_arn", "name")
    copies = settings.function_log.open("a", encoding="utf-8", buffering=1)

    def emit(
        func: Record,
        request_id: str,
        log_text: str,
        _error: bool,
        duration_ms: int,
        **_not_modelled: object,
    ) -> None:
        config = func.get("config") or func
        name = config["FunctionName"]
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
        stream = getattr(last_run, "log_stream", "unknown")
        now = int(time.time() * 1000)
        lines = [
            f"START RequestId: {request_id} Version: {config.get('Version', '$LATEST')}",
            *log_text.splitlines(),
            f"END RequestId: {request_id}",
            f"REPORT RequestId: {request_id}\tDuration: {duration_ms} ms\t"
            f"Memory Size: {config.get('MemorySize', 128)} MB",
        ]
        events = [{"timestamp": now, "message": it, "ingestionTime": now} for it in lines]
        append(_stream(group, stream, now), events)
        cloudwatch_logs._fanout_to_subscription_filters(
            group, stream, [{"timestamp": now, "message": it} for it in lines]
        )
        copies.write(
            json.dumps({"group": group, "function": name, "time": now, "lines": lines[1:-2]}) + "\n"
        )

    lambda_svc._emit_lambda_logs = emit


def _stream(group_name: str, stream_name: str, now: int) -> Record:
    groups = cloudwatch_logs._log_groups
    if group_name not in groups:
        groups[group_name] = {
            "arn": cloudwatch_logs._make_group_arn(group_name),
            "creationTime": now,
            "retentionInDays": None,
            "tags": {},
            "subscriptionFilters": {},
            "streams": {},
        }
    stream: Record = groups[group_name]["streams"].setdefault(
        stream_name,
        {
            "events": [],
            "uploadSequenceToken": "1",
            "creationTime": now,
            "firstEventTimestamp": None,
            "lastEventTimestamp": None,
            "lastIngestionTime": None,
        },
    )
    return stream
