"""Traces for X-Ray: what a sampled invocation did, whom it called, and how long each took.

Lambda says of each invocation whether it is sampled, records the function itself, and has a daemon
beside it that takes what happened within as JSON, one UDP datagram each: that is told here. Nothing
waits for the daemon, and nothing that goes wrong on the way is anybody's failure. Values are ids,
routes and statuses: no path, no input, no message of an error, only its type.

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
from typing import TYPE_CHECKING, Any  # segments are JSON, parameters are botocore's

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.model import OperationModel

MAX_CHARACTERS = 1000  # of an annotation; a longer one is dropped by X-Ray
_HEADER = b'{"format": "json", "version": 1}\n'
_IN_CONTEXT = "shop.tracing"

type _Segment = dict[str, Any]


class _Open:
    """What is being done, and which calls of it are on their way."""

    # No dataclass, which would cost each cold start half a millisecond.
    def __init__(self, segment: _Segment) -> None:
        self.segment = segment
        self.calls: dict[str, _Segment] = {}


_open: ContextVar[_Open | None] = ContextVar("open", default=None)


@contextmanager
def traced(name: str) -> Iterator[None]:
    """Tells what is done within it; a decorator too. What is raised passes, and is told by type."""
    segment = _begun(name)
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
        # What was cut short by the end of the request's time is what one wants to see.
        for call in [*now.calls.values()]:  # some may end on their threads meanwhile
            _tell(call | {"fault": True})
        _tell(segment)


def annotate(**values: str | int | None) -> None:
    """Adds what the trace is found by; `status` is that of the answer."""
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
    """The client, whose every call of a sampled invocation is told."""
    events = client.meta.events
    events.register("before-parameter-build", _call_begins)
    events.register("after-call", _call_ends)
    events.register("after-call-error", _call_breaks)
    return client


def _call_begins(
    params: Mapping[str, Any], model: "OperationModel", context: dict[str, Any], **_: object
) -> None:
    call = _begun(model.service_model.endpoint_prefix)
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


def _call_ends(parsed: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
    metadata = parsed.get("ResponseMetadata", {})
    code = parsed.get("Error", {}).get("Code")
    outcome = _outcome(metadata.get("HTTPStatusCode", 0)) | (_cause(code) if code else {})
    told = {
        "request_id": metadata.get("RequestId", ""),
        "retries": metadata.get("RetryAttempts", 0),
    }
    _call_is_over(context, told, outcome)


def _call_breaks(exception: Exception, context: dict[str, Any], **_: object) -> None:
    _call_is_over(context, {}, {"fault": True} | _cause(type(exception).__name__))


def _call_is_over(context: dict[str, Any], told: _Segment, outcome: _Segment) -> None:
    call = context.pop(_IN_CONTEXT, None)
    if call is None:
        return
    if now := _open.get():
        now.calls.pop(call["id"], None)
    call["aws"] |= told
    _tell(call | outcome)


def _begun(name: str) -> _Segment | None:
    """A subsegment of what is open, or else of the function; None if nobody looks."""
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
    """The names of tables and queues in a call's parameters, and nothing else of them."""
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
    told = {name: True for name, holds in kinds.items() if holds}
    return {"http": {"response": {"status": status}}, **told}


def _cause(kind: str) -> _Segment:
    return {"cause": {"exceptions": [{"id": os.urandom(8).hex(), "type": kind}]}}


def _tell(segment: _Segment) -> None:
    document = json.dumps(segment | {"end_time": time.time()})
    host, _, port = os.environ.get("AWS_XRAY_DAEMON_ADDRESS", "").rpartition(":")
    with suppress(OSError, ValueError, OverflowError):
        _socket().sendto(_HEADER + document.encode(), (host, int(port)))


@cache
def _socket() -> socket.socket:
    sending = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sending.setblocking(False)
    return sending
