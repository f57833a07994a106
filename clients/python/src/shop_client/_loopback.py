"""A server on 127.0.0.1 that receives the callback of a sign-in (RFC 8252, section 7.3)."""

from __future__ import annotations

from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

PAGE = b"<!doctype html><title>Shop</title><p>You can close this window.</p>"


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a connection that its browser reset, instead of printing a traceback."""


class Loopback:
    """Receive one callback on a free port."""

    def __init__(self) -> None:
        self.callback: Future[str] = Future()
        self.state: str | None = None
        """The callback of another sign-in, or a request of another program, is a 404."""
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10  # seconds

            def do_GET(self) -> None:
                address = urlsplit(self.path)
                is_callback = address.path == "/callback" and loopback.state is not None
                if not is_callback or parse_qs(address.query).get("state") != [loopback.state]:
                    self.send_error(404)
                    return
                try:
                    self.send_response(200)
                    self.send_header("Content-Type", "text/html; charset=utf-8")
                    self.send_header("Content-Length", str(len(PAGE)))
                    self.end_headers()
                    self.wfile.write(PAGE)
                finally:  # the browser may have left
                    if not loopback.callback.done():
                        loopback.callback.set_result(self.path)

            def log_message(self, format: str, *args: object) -> None:
                """Log nothing: the request has the code."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.redirect_uri = f"http://127.0.0.1:{self._server.server_port}/callback"
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Loopback:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
