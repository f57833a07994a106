"""X-Ray: each request traced from the gateway on, and all that is told of it kept in a file."""

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

# Segments and subsegments: of some hundred requests, with what followed from them.
MOST_KEPT = 4000
DATAGRAM_BYTES = 65_536
# For a burst of subsegments while this process is busy.
WAITING_BYTES = 4 * 1024 * 1024

# Any: the emulator's own records, and X-Ray's documents.
Record = dict[str, Any]


class Documents:
    """The newest documents, a JSON line each, in a file that others read while it grows."""

    def __init__(self, path: Path, most: int) -> None:
        self._path = path
        self._newest: deque[str] = deque(maxlen=most)
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
        # Whole or not at all: somebody may be reading.
        unfinished = self._path.with_suffix(".new")
        unfinished.write_text("".join(f"{it}\n" for it in self._newest))
        unfinished.rename(self._path)
        self._file = self._path.open("a", encoding="utf-8", buffering=1)
        self._lines = len(self._newest)


class Daemon:
    """What listens beside each function on AWS: segments in, one a datagram."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WAITING_BYTES)
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
    """What the gateway and Lambda tell of themselves on AWS, beside what functions tell."""

    def __init__(self, settings: Settings) -> None:
        self.samples = settings.sample
        self._documents = Documents(settings.traces, MOST_KEPT)
        self.daemon_address = Daemon(self._documents).address

    def header(self) -> str:
        """Of an invocation: below the request that it is for, or the first of a trace."""
        request = gateway_request.current.get()
        root = request.trace_id if request else gateway_request.new_trace_id()
        return f"Root={root};Parent={gateway_request.new_segment_id()};Sampled={int(self.samples)}"

    def keep_request(
        self, request: GatewayRequest, name: str, route: str, status: int, started: float
    ) -> None:
        """The route where AWS has the whole URL, since paths can hold secrets."""
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
        """``initialised`` is when a cold start was over."""
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
