"""An HTTP server in place of DynamoDB, and a fault proxy before it."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.support import fault_proxy
from tests.support.fault_proxy import FaultProxy
from tools.local_cloud.free_port import free_port

KEY = {"id": {"S": "1"}}


class FakeDynamoDB(ThreadingHTTPServer):
    """A server with one configurable response for all calls; it records the calls."""

    def __init__(self) -> None:
        super().__init__((fault_proxy.HOST, free_port()), Handler)
        self.asked: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.respond: Callable[[dict[str, Any]], dict[str, Any]] = lambda _: {"Responses": 0}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FakeDynamoDB

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((dict(self.headers), body))
        response = json.dumps(self.server.respond(body), separators=(",", ":")).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(response)))
        self.end_headers()
        self.wfile.write(response)

    def log_message(self, *_: object) -> None:
        """Keep the test output free of access logs."""


@pytest.fixture
def database() -> Iterator[FakeDynamoDB]:
    with FakeDynamoDB() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(database: FakeDynamoDB) -> Iterator[FaultProxy]:
    running = FaultProxy(free_port(), database.server_port)
    running.start()
    yield running
    running.stop()
