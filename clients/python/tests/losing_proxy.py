"""A proxy that records requests, and drops or replaces successful responses of the API."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import urlsplit

import httpx2

BUSY = {"code": "SERVICE_UNAVAILABLE", "message": "Try again later.", "requestId": "proxy"}
OF_CONNECTION = {"connection", "content-encoding", "content-length", "host", "transfer-encoding"}


class LosingProxy:
    """A proxy on a free port of 127.0.0.1."""

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream)
        # Calls are named without the stage, which the path has on AWS.
        self._stage = self._upstream.path.rstrip("/")
        self._http = httpx2.Client(timeout=60)
        self._lock = Lock()
        self._received: list[tuple[str, str | None]] = []
        self._losing: list[str] = []
        self._failing: list[str] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            do_DELETE = do_GET = do_PATCH = do_POST = do_PUT = lambda self: proxy._forward(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}{self._stage}"

    def times(self, prefix: str) -> int:
        """Count the requests with this prefix."""
        return len(self.keys(prefix))

    def keys(self, prefix: str) -> list[str | None]:
        """Return the idempotency keys of the requests with this prefix."""
        return [key for call, key in self._received if call.startswith(prefix)]

    def lose(self, prefix: str) -> None:
        """Drop the next successful response to a request with this prefix."""
        self._losing.append(prefix)

    def fail(self, prefix: str) -> None:
        """Replace the next successful response to a request with this prefix by a 503."""
        self._failing.append(prefix)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._http.close()

    def _forward(self, incoming: BaseHTTPRequestHandler) -> None:
        call = f"{incoming.command} {incoming.path.split('?')[0].removeprefix(self._stage)}"
        with self._lock:
            self._received.append((call, incoming.headers.get("Idempotency-Key")))
        body = incoming.rfile.read(int(incoming.headers.get("Content-Length", 0)))
        headers = [it for it in incoming.headers.items() if it[0].lower() not in OF_CONNECTION]
        url = f"{self._upstream.scheme}://{self._upstream.netloc}{incoming.path}"
        response = self._http.request(incoming.command, url, content=body, headers=headers)
        status, content = response.status_code, response.content
        shown = [it for it in response.headers.items() if it[0].lower() not in OF_CONNECTION]
        with self._lock:
            if status < 300 and take(self._losing, call):
                incoming.close_connection = True
                return
            if status < 300 and take(self._failing, call):
                status, content = 503, json.dumps({"error": BUSY}).encode()
                shown = [("Content-Type", "application/json"), ("Retry-After", "1")]
        incoming.send_response_only(status)
        for name, value in shown:
            incoming.send_header(name, value)
        if status != 204:
            incoming.send_header("Content-Length", str(len(content)))
        incoming.end_headers()
        incoming.wfile.write(content)


def take(prefixes: list[str], call: str) -> bool:
    """Remove the first prefix of the call, and return whether there was one."""
    for prefix in prefixes:
        if call.startswith(prefix):
            prefixes.remove(prefix)
            return True
    return False
