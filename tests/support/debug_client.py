"""A minimal client of the Debug Adapter Protocol.

https://microsoft.github.io/debug-adapter-protocol/specification
"""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from tests.support.waiting import HANG_SECONDS

# Any: messages are any JSON.
Message = dict[str, Any]


class DebugClient:
    """A debugging session, from ``attach`` to ``close``."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=HANG_SECONDS)
        self._stream = self._socket.makefile("rb")
        self._sent = 0
        self._unread: list[Message] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def attach(self, breakpoints: dict[Path, list[int]]) -> None:
        """Send the requests with which an editor starts a session."""
        self.ask("initialize", adapterID="debugpy", linesStartAt1=True, pathFormat="path")
        # The adapter responds to attach after configurationDone.
        attaching = self._send("attach", justMyCode=True)
        self.event("initialized")
        for path, lines in breakpoints.items():
            response = self.ask(
                "setBreakpoints",
                source={"path": str(path)},
                breakpoints=[{"line": line} for line in lines],
            )
            assert all(it["verified"] for it in response["breakpoints"]), response
        self.ask("configurationDone")
        self._response(attaching)

    def stopped_at(self) -> tuple[int, Message]:
        """Wait until the function stops; return its thread and frame."""
        thread: int = self.event("stopped")["threadId"]
        (frame, *_) = self.ask("stackTrace", threadId=thread)["stackFrames"]
        return thread, frame

    def ask(self, command: str, **arguments: object) -> Message:
        """Send a request; return the body of its response.

        Raises AssertionError if the request fails.
        """
        return self._response(self._send(command, **arguments))

    def event(self, name: str) -> Message:
        found = self._read(lambda it: it["type"] == "event" and it["event"] == name)
        body: Message = found.get("body", {})
        return body

    def is_ended(self) -> bool:
        """Wait until the server closes the connection."""
        while self._stream.readline():
            pass
        return True

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def _send(self, command: str, **arguments: object) -> int:
        self._sent += 1
        request = {"seq": self._sent, "type": "request", "command": command}
        content = json.dumps({**request, "arguments": arguments}).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
        return self._sent

    def _response(self, number: int) -> Message:
        found = self._read(lambda it: it["type"] == "response" and it["request_seq"] == number)
        assert found["success"], found
        body: Message = found.get("body", {})
        return body

    def _read(self, matches: Callable[[Message], bool]) -> Message:
        for message in list(self._unread):
            if matches(message):
                self._unread.remove(message)
                return message
        while True:
            length = 0
            while line := self._stream.readline().strip():
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            assert length, "the session has ended"
            received: Message = json.loads(self._stream.read(length))
            if matches(received):
                return received
            self._unread.append(received)
