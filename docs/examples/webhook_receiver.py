"""A receiver of webhooks: verifies each delivery, and processes each event once."""

import os
import sqlite3
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from standardwebhooks import Webhook

# Two secrets, separated by a space, while the endpoint changes from one to the next
SECRETS = os.environ["WEBHOOK_SECRET"].split()
MAX_BODY = 1024 * 1024  # bytes

events = sqlite3.connect(os.environ.get("EVENTS_FILE", ":memory:"), isolation_level=None)
events.execute("CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, version INTEGER)")


def verified(body: bytes, headers: dict[str, str]) -> dict[str, Any] | None:
    """Return the event; None for a delivery that is not authentic."""
    for secret in SECRETS:
        try:
            event: dict[str, Any] = Webhook(secret).verify(body, headers)
            return event
        except Exception:  # malformed headers raise errors of many classes
            continue
    return None


def process(event: dict[str, Any]) -> None:
    """Process an event once: deliveries are repeated, and come in any order."""
    with events:  # one transaction for the id and your own changes
        added = events.execute("INSERT OR IGNORE INTO events (id) VALUES (?)", (event["id"],))
        if added.rowcount:
            print(event["type"], event["subject"], flush=True)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        if length > MAX_BODY:
            self.respond(413)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        event = verified(self.rfile.read(length), headers)
        if event is None:
            self.respond(400)
            return
        process(event)
        self.respond(204)

    def respond(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Receiver)
    print(f"Receiving at http://127.0.0.1:{server.server_port}/in", flush=True)
    server.serve_forever()
