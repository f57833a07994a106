"""X-Ray: segments of requests and invocations, kept in a file with those of functions."""

import json
import socket
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

from tools.local_cloud.emulator import gateway_request
from tools.local_cloud.emulator.gateway_request import GatewayRequest
from tools.local_cloud.emulator.settings import Settings

# Segments and subsegments of some hundred requests, with the invocations they caused.
MAX_DOCUMENTS = 4000
DATAGRAM_BYTES = 65_536
# Buffers a burst of subsegments while this process is busy.
RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024

# Any: ministack's records, and X-Ray's documents.
Record = dict[str, Any]


class Documents:
    """File of the newest documents, one JSON line each, which may be read while it grows."""

    def __init__(self, path: Path, limit: int) -> None:
        self._path = path
        self._newest: deque[str] = deque(maxlen=limit)
        self._lock = threading.Lock()
        self._rewrite()

    def keep(self, document: str) -> None:
        with self._lock:
            self._newest.append(document)
            self._file.write(document + "\n")
            self._lines += 1
            if self._lines >= 2 * (self._newest.maxlen or 0):
                self._file.close()
                self._rewrite()

    def _rewrite(self) -> None:
        # Rename a complete file, since a reader may have the old one open.
        unfinished = self._path.with_suffix(".new")
        unfinished.write_text("".join(f"{it}\n" for it in self._newest))
        unfinished.rename(self._path)
        self._file = self._path.open("a", encoding="utf-8", buffering=1)
        self._lines = len(self._newest)


class Daemon:
    """X-Ray daemon: receive segments of functions over UDP, one per datagram."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        self._socket.bind(("127.0.0.1", 0))
        threading.Thread(target=self._receive, daemon=True, name="x-ray").start()

    @property
    def address(self) -> str:
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    def _receive(self) -> None:
        while True:
            _, _, document = self._socket.recv(DATAGRAM_BYTES).partition(b"\n")
            if document:
                self._documents.keep(document.decode(errors="replace"))


class Traces:
    """Segments that API Gateway and Lambda emit on AWS, and the daemon for those of functions."""

    def __init__(self, settings: Settings) -> None:
        self.samples = settings.sample
        self._documents = Documents(settings.traces, MAX_DOCUMENTS)
        self.daemon_address = Daemon(self._documents).address

    def header(self) -> str:
        """Return the trace header of an invocation, in the trace of its request if it has one."""
        request = gateway_request.current.get()
        root = request.trace_id if request else gateway_request.new_trace_id()
        return f"Root={root};Parent={gateway_request.new_segment_id()};Sampled={int(self.samples)}"

    def keep_request(
        self, request: GatewayRequest, name: str, route: str, status: int, started: float
    ) -> None:
        """Keep the segment of a request, with the route for AWS's URL, which can hold secrets."""
        if self.samples:
            self._keep(
                {
                    "name": name,
                    "id": request.segment_id,
                    "trace_id": request.trace_id,
                    "start_time": started,
                    "origin": "AWS::ApiGateway::Stage",
                    "http": {"response": {"status": status}},
                    "aws": {"api_gateway": {"request_id": request.request_id, "route": route}},
                    "fault": status >= 500,
                }
            )

    def keep_invocation(
        self,
        header: str | None,
        config: Record,
        request_id: str,
        started: float,
        initialised: float | None,
        fault: bool,
    ) -> None:
        """Keep the segment of an invocation; ``initialised`` is the time a cold start ended."""
        if header is None or not self.samples:
            return
        fields = dict(part.split("=", 1) for part in header.split(";"))
        request = gateway_request.current.get()
        initialisation = {
            "name": "Initialization",
            "id": gateway_request.new_segment_id(),
            "start_time": started,
            "end_time": initialised,
        }
        self._keep(
            {
                "name": config["FunctionName"],
                "id": fields["Parent"],
                "trace_id": fields["Root"],
                **({"parent_id": request.segment_id} if request else {}),
                "start_time": started,
                "origin": "AWS::Lambda::Function",
                "aws": {"function_arn": config["FunctionArn"], "request_id": request_id},
                "fault": fault,
                "subsegments": [initialisation] if initialised else [],
            }
        )

    def _keep(self, segment: Record) -> None:
        self._documents.keep(json.dumps(segment | {"end_time": time.time()}))
