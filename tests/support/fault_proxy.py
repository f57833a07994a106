"""An HTTP proxy between the deployed functions and AWS that injects faults.

The first matching fault handles a call: it may forward it once, late or never, and it may respond
in place of the service. Forwarded requests are unchanged, with Host and signature. The proxy
listens on 127.0.0.1 only.
"""

import asyncio
import json
import random
import re
import threading
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from copy import replace
from dataclasses import dataclass
from typing import Any, Protocol  # Any: JSON

HOST = "127.0.0.1"
READS = ("GetItem", "BatchGetItem", "Query")
WRITES = ("TransactWriteItems", "UpdateItem", "PutItem", "DeleteItem")

# Service names in the credential scope of a signature.
DYNAMODB, SECRETS, PARAMETERS, BUS, QUEUES, MAIL = SERVICES = (
    *("dynamodb", "secretsmanager", "ssm", "events", "sqs", "ses"),
)
# Prefixes of error codes, for the services that use one.
_NAMESPACES = {DYNAMODB: "com.amazonaws.dynamodb.v20120810#", QUEUES: "com.amazonaws.sqs#"}
_SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/(\w+)/")

type Fault = Callable[["Call", Send], Awaitable["Response"]]


class Send(Protocol):
    def __call__(self, instead: dict[str, Any] | None = None) -> Awaitable["Response"]:
        """Forward the function's request, or another one instead."""


@dataclass(frozen=True)
class Call:
    """One call of a service; `request` is its JSON body."""

    operation: str
    request: dict[str, Any]
    service: str = DYNAMODB

    @property
    def tables(self) -> set[str]:
        """The physical names of the tables that the call reads or writes."""
        actions = [inner for it in self.request.get("TransactItems", ()) for inner in it.values()]
        named = {it["TableName"] for it in [self.request, *actions] if "TableName" in it}
        return named | set(self.request.get("RequestItems", ()))


@dataclass(frozen=True)
class Response:
    """A response on the wire, sent at once or with a pause before each byte."""

    head: bytes
    body: bytes
    pause: float = 0  # seconds
    breaks: bool = False  # whether the connection closes after it

    @classmethod
    def of(cls, status: int, value: dict[str, Any], *headers: str) -> "Response":
        body = json.dumps(value).encode()
        lines = [
            f"HTTP/1.1 {status} {'OK' if status < 300 else 'Error'}",
            "Content-Type: application/x-amz-json-1.0",
            f"Content-Length: {len(body)}",
            f"x-amz-crc32: {zlib.crc32(body)}",
            *headers,
        ]
        return cls("\r\n".join([*lines, "", ""]).encode(), body)


class Lost(Exception):
    """Close the connection without a response."""


class FaultProxy:
    """The proxy, between `start` and `stop`; it forwards every call that no fault matches."""

    def __init__(self, port: int, upstream_port: int) -> None:
        self.port = port
        self.upstream_port = upstream_port
        # By table; incremented when a call that may write there starts and ends.
        self.writes: Counter[str] = Counter()
        self.aside: set[str] = set()  # tables affected only by faults that name them
        self._faults: tuple[tuple[Callable[[Call], bool], Fault], ...] = ()
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        self._thread.start()
        self._run(self._listen())

    def stop(self) -> None:
        self._run(self._leave())
        self._run(_end_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def on(
        self,
        fault: Fault,
        *operations: str,
        service: str = DYNAMODB,
        table: str | None = None,
        skip: int = 0,
        times: float = float("inf"),
    ) -> Iterator[list[Call]]:
        """Apply the fault to these operations (default: all) on this table while the block runs.

        Calls are those of DynamoDB unless another service is named. The first `skip` calls pass,
        and all after the next `times`. Yields the affected calls.
        """
        hits: list[Call] = []
        passed = 0

        def matches(call: Call) -> bool:
            nonlocal passed
            if call.service != service:
                return False
            if operations and call.operation not in operations:
                return False
            if table is not None and table not in call.tables:
                return False
            if table is None and call.tables & self.aside:
                return False
            if passed < skip:
                passed += 1
                return False
            if len(hits) >= times:
                return False
            hits.append(call)
            return True

        entry = (matches, fault)
        self._faults += (entry,)
        try:
            yield hits
        finally:
            self._faults = tuple(it for it in self._faults if it is not entry)

    @contextmanager
    def down(self) -> Iterator[None]:
        """Reject new connections and cut open ones while the block runs."""
        self._run(self._leave())
        try:
            yield
        finally:
            self._run(self._listen())

    def _run(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, self.port)

    async def _leave(self) -> None:
        self._server.close()
        self._server.abort_clients()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a function, and the proxy's own connection to AWS for it."""
        upstream = _Upstream(self.upstream_port)
        try:
            while True:
                head, body = await _message(reader)
                await _write(writer, await self._respond(head, body, upstream))
        except (asyncio.IncompleteReadError, ConnectionError, Lost):
            pass  # a connection that either side closed
        finally:
            writer.transport.abort()
            upstream.close()

    async def _respond(self, head: bytes, body: bytes, upstream: "_Upstream") -> Response:
        scope = _SCOPE.search(_header(head, b"authorization"))
        service = scope[1] if scope else ""
        # SES has one path per operation.
        operation = "SendEmail"
        if service != MAIL:
            operation = _header(head, b"x-amz-target").rpartition(".")[2]
        written: set[str] = set()
        if service == DYNAMODB and operation not in READS:
            written = Call(operation, json.loads(body)).tables

        async def send(instead: dict[str, Any] | None = None) -> Response:
            self.writes.update(written)
            asked = head + body
            if instead is not None:
                changed = json.dumps(instead).encode()
                asked = _with_length(head, len(changed)) + changed
            response = await upstream.ask(asked)
            self.writes.update(written)
            return response

        if self._faults:
            call = Call(operation, json.loads(body), service)
            for matches, fault in self._faults:
                if matches(call):
                    return await fault(call, send)
        return await send()


class _Upstream:
    """A connection that opens on demand, and again after its peer closes it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> Response:
        if self._streams is None or self._streams[0].at_eof():
            self.close()
            self._streams = await asyncio.open_connection(HOST, self._port)
        reader, writer = self._streams
        writer.write(request)
        return Response(*await _message(reader))

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Read head and body of a request or a response; both must have a Content-Length."""
    head = await reader.readuntil(b"\r\n\r\n")
    return head, await reader.readexactly(int(_header(head, b"content-length")))


async def _write(writer: asyncio.StreamWriter, response: Response) -> None:
    content = response.head + response.body
    step = 1 if response.pause else len(content)
    for start in range(0, len(content), step):
        await asyncio.sleep(response.pause)
        writer.write(content[start : start + step])
        await writer.drain()
    if response.breaks:
        writer.close()
        await writer.wait_closed()
        raise Lost


def _with_length(head: bytes, length: int) -> bytes:
    return re.sub(rb"(?i)(\r\ncontent-length:)[^\r]*", rb"\1 %d" % length, head)


async def _end_tasks() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _header(head: bytes, name: bytes) -> str:
    for line in head.split(b"\r\n"):
        field, _, value = line.partition(b":")
        if field.lower() == name:
            return value.strip().decode()
    raise ValueError(f"There is no {name.decode()} in {head!r}.")


async def response_lost(call: Call, send: Send) -> Response:
    """Forward the call and drop its response."""
    await send()
    raise Lost


async def never_arrived(call: Call, send: Send) -> Response:
    """Close the connection before the service receives the call."""
    raise Lost


def no_response(seconds: float) -> Fault:
    """Never forward the call and never respond."""

    async def fault(call: Call, send: Send) -> Response:
        await asyncio.sleep(seconds)
        raise Lost

    return fault


def dripping(pause: float) -> Fault:
    """Forward the call and send its response byte by byte.

    Each byte resets the SDK's read timeout, so the total time is unlimited.
    """

    async def fault(call: Call, send: Send) -> Response:
        return replace(await send(), pause=pause)

    return fault


def delayed(seconds: float) -> Fault:
    """Forward the call and delay its response."""

    async def fault(call: Call, send: Send) -> Response:
        response = await send()
        await asyncio.sleep(seconds)
        return response

    return fault


def service_error(code: str, status: int = 400, message: str = "Injected.") -> Fault:
    """Respond with an error of the service without forwarding the call."""

    async def fault(call: Call, send: Send) -> Response:
        payload = {"__type": f"{_NAMESPACES.get(call.service, '')}{code}", "message": message}
        # SQS adds the codes of its former query protocol; SES sends the code in a header only.
        also = {
            QUEUES: [f"x-amzn-query-error: {code};Sender"],
            MAIL: [f"x-amzn-errortype: {code}"],
        }
        return Response.of(status, payload, *also.get(call.service, []))

    return fault


def damaged(damage: Callable[[bytes], bytes]) -> Fault:
    """Forward the call and alter the bytes of its response, under the original headers."""

    async def fault(call: Call, send: Send) -> Response:
        response = await send()
        body = damage(response.body)
        return replace(response, head=_with_length(response.head, len(body)), body=body)

    return fault


def cut(body: bytes) -> bytes:
    """Keep the first half."""
    return body[: len(body) // 2]


def no_json(body: bytes) -> bytes:
    return b"<html>Bad gateway</html>"


def flipped(body: bytes) -> bytes:
    """Change one digit or letter of the JSON."""
    place = body.rindex(b'"') - 1
    return body[:place] + (b"0" if body[place : place + 1] != b"0" else b"1") + body[place + 1 :]


async def cut_off(call: Call, send: Send) -> Response:
    """Forward the call and close the connection in the middle of its response."""
    response = await send()
    return replace(response, body=cut(response.body), breaks=True)


def partly(share: float, seed: int, code: str = "ThrottlingException") -> Fault:
    """Forward a share of the entries of a PutEvents call, and report the others as failed."""
    chance = random.Random(seed)

    async def fault(call: Call, send: Send) -> Response:
        entries = call.request["Entries"]
        fails = [chance.random() < share for _ in entries]
        if not any(fails):
            return await send()
        passed = [entry for entry, it in zip(entries, fails, strict=True) if not it]
        response = await send({"Entries": passed}) if passed else Response.of(200, {"Entries": []})
        taken = iter(json.loads(response.body)["Entries"])
        error = {"ErrorCode": code, "ErrorMessage": "Injected."}
        results = [error if it else next(taken) for it in fails]
        return Response.of(200, {"FailedEntryCount": sum(fails), "Entries": results})

    return fault


async def unprocessed(call: Call, send: Send) -> Response:
    """Respond to a BatchGetItem with all keys unprocessed."""
    keys = call.request["RequestItems"]
    return Response.of(200, {"Responses": {}, "UnprocessedKeys": keys})


def conflicts(share: float, seed: int) -> Fault:
    """Cancel this share of transactions with a conflict on a random item."""
    chance = random.Random(seed)

    async def fault(call: Call, send: Send) -> Response:
        if chance.random() >= share:
            return await send()
        actions = call.request["TransactItems"]
        reasons: list[dict[str, str]] = [{"Code": "None"} for _ in actions]
        reasons[chance.randrange(len(actions))] = {
            "Code": "TransactionConflict",
            "Message": "Transaction is ongoing for the item",
        }
        codes = ", ".join(reason["Code"] for reason in reasons)
        return Response.of(
            400,
            {
                "__type": f"{_NAMESPACES[DYNAMODB]}TransactionCanceledException",
                "Message": "Transaction cancelled, please refer cancellation reasons for specific "
                f"reasons [{codes}]",
                "CancellationReasons": reasons,
            },
        )

    return fault
