"""Traces for X-Ray: the subsegments and AWS calls of a sampled invocation, with their durations.

Lambda marks an invocation as sampled and records the segment of the function. A local daemon
accepts subsegments as JSON in UDP datagrams, which this module sends. Sending never blocks, and
errors of it are ignored. Values are ids, routes and statuses, and the types of errors: no paths, no
input and no error messages.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any  # segments are JSON, and parameters are of many types

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.model import OperationModel

MAX_CHARACTERS = 1000  # of an annotation; a longer one is dropped by X-Ray
_HEADER = b'{"format": "json", "version": 1}\n'
_IN_CONTEXT = "shop.tracing"

type _Segment = dict[str, Any]


class _Open:
    """An open segment, and its pending calls."""

    # Not a dataclass, which would add half a millisecond to each cold start.
    def __init__(self, segment: _Segment) -> None:
        self.segment = segment
        self.calls: dict[str, _Segment] = {}


_open: ContextVar[_Open | None] = ContextVar("open", default=None)


@contextmanager
def traced(name: str) -> Iterator[None]:
    """Record a subsegment, as a context manager or decorator. Exceptions are recorded by type."""
    segment = _start(name)
    if segment is None:
        yield
        return
    now = _Open(segment)
    token = _open.set(now)
    try:
        yield
    except BaseException as error:
        segment |= {"fault": True} | _cause(type(error).__name__)
        raise
    finally:
        _open.reset(token)
        # Calls that the deadline interrupted are recorded as faults.
        for call in [*now.calls.values()]:  # a copy: calls on other threads may end now
            _send(call | {"fault": True})
        _send(segment)


def annotate(**values: str | int | None) -> None:
    """Add annotations, by which traces can be searched; `status` is the HTTP status."""
    now = _open.get()
    if now is None:
        return
    for name, value in values.items():
        if value is not None:
            short = value[:MAX_CHARACTERS] if isinstance(value, str) else value
            now.segment["annotations"][name] = short
    if isinstance(status := values.get("status"), int):
        now.segment |= _outcome(status)


def instrumented[Client: "BaseClient"](client: Client) -> Client:
    """Return the client, with its calls recorded in sampled invocations."""
    events = client.meta.events
    events.register("before-parameter-build", _on_call_start)
    events.register("after-call", _on_call_end)
    events.register("after-call-error", _on_call_error)
    return client


def _on_call_start(
    params: Mapping[str, Any], model: "OperationModel", context: dict[str, Any], **_: object
) -> None:
    call = _start(model.service_model.endpoint_prefix)
    if call is None:
        return
    call["namespace"] = "aws"
    call["aws"] = {
        "operation": model.name,
        "region": context["client_region"],
        **_resources(params),
    }
    context[_IN_CONTEXT] = call
    if now := _open.get():
        now.calls[call["id"]] = call


def _on_call_end(parsed: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
    metadata = parsed.get("ResponseMetadata", {})
    code = parsed.get("Error", {}).get("Code")
    outcome = _outcome(metadata.get("HTTPStatusCode", 0)) | (_cause(code) if code else {})
    details = {
        "request_id": metadata.get("RequestId", ""),
        "retries": metadata.get("RetryAttempts", 0),
    }
    _end_call(context, details, outcome)


def _on_call_error(exception: Exception, context: dict[str, Any], **_: object) -> None:
    _end_call(context, {}, {"fault": True} | _cause(type(exception).__name__))


def _end_call(context: dict[str, Any], details: _Segment, outcome: _Segment) -> None:
    call = context.pop(_IN_CONTEXT, None)
    if call is None:
        return
    if now := _open.get():
        now.calls.pop(call["id"], None)
    call["aws"] |= details
    _send(call | outcome)


def _start(name: str) -> _Segment | None:
    """Start a subsegment of the open one, or of the function; return None if not sampled."""
    header = os.environ.get("_X_AMZN_TRACE_ID", "")
    if "Sampled=1" not in header:
        return None
    fields = dict(part.partition("=")[::2] for part in header.split(";"))
    now = _open.get()
    return {
        "type": "subsegment",
        "name": name,
        "id": os.urandom(8).hex(),
        "trace_id": fields.get("Root", ""),
        "parent_id": now.segment["id"] if now else fields.get("Parent", ""),
        "start_time": time.time(),
        "annotations": {},
    }


def _resources(params: Mapping[str, Any]) -> _Segment:
    """Return the names of the tables and queues in the parameters, and nothing else of them."""
    if "TableName" in params:
        return {"table_name": params["TableName"]}
    if "QueueUrl" in params:
        return {"queue_url": params["QueueUrl"]}
    tables = [*params.get("RequestItems", {})]
    for item in params.get("TransactItems", []):
        tables += [action["TableName"] for action in item.values()]
    return {"table_names": sorted(set(tables))} if tables else {}


def _outcome(status: int) -> _Segment:
    kinds = {"error": 400 <= status < 500, "throttle": status == 429, "fault": status >= 500}
    flags = {name: True for name, holds in kinds.items() if holds}
    return {"http": {"response": {"status": status}}, **flags}


def _cause(kind: str) -> _Segment:
    return {"cause": {"exceptions": [{"id": os.urandom(8).hex(), "type": kind}]}}


def _send(segment: _Segment) -> None:
    document = json.dumps(segment | {"end_time": time.time()})
    host, _, port = os.environ.get("AWS_XRAY_DAEMON_ADDRESS", "").rpartition(":")
    with suppress(OSError, ValueError, OverflowError):
        _socket().sendto(_HEADER + document.encode(), (host, int(port)))


@cache
def _socket() -> socket.socket:
    sending = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sending.setblocking(False)
    return sending
