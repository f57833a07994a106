"""Servers on loopback that behave as strangers' servers may."""

import socket
import ssl
import threading
import time
from collections.abc import Callable

type Talk = Callable[[socket.socket], None]


class Server:
    """Accepts connections, keeps the requests, and lets `talk` respond."""

    def __init__(
        self,
        talk: Talk,
        context: ssl.SSLContext | None = None,
        before_tls: Talk | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.names: list[str | None] = []  # of SNI
        self._talk = talk
        self._context = context
        self._before_tls = before_tls
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        if context is not None:
            context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(accepted,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._before_tls is not None:
                self._before_tls(connection)
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            self.requests.append(_request(connection))
            self._talk(connection)
        except (OSError, EOFError):
            pass
        finally:
            connection.close()


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _received(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = sum(int(it.split(b":")[1]) for it in lines if it.startswith(b"content-length"))
    while len(body) < length:
        body += _received(connection)
    return head + b"\r\n\r\n" + body


def _received(connection: socket.socket) -> bytes:
    received = connection.recv(65536)
    if not received:
        raise EOFError
    return received


def says(text: bytes) -> Talk:
    return lambda connection: connection.sendall(text)


def drips(first: bytes, then: bytes, pause: float = 0.1, times: int = 800) -> Talk:
    def talk(connection: socket.socket) -> None:
        connection.sendall(first)
        for _ in range(times):
            time.sleep(pause)
            connection.sendall(then)

    return talk


def floods(first: bytes, then: bytes) -> Talk:
    def talk(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(then)

    return talk


def is_silent(connection: socket.socket) -> None:
    """Respond nothing until the client closes the connection."""
    connection.recv(1)
