"""Timeouts, with servers that are silent or slow."""

import asyncio
import socket
import traceback
from collections.abc import Iterator
from threading import Event, Thread
from types import SimpleNamespace

import httpx2
import pytest

from shop_client import AsyncShop, NoAnswer, Shop

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10000000\r\n\r\n"


class Server:
    """A server that sends the head, and a byte at a time until the client has left."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.left = Event()
        Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(self._head)
            try:
                while self._head:
                    connection.sendall(b" ")
                connection.recv(1)
            except OSError:
                pass
        self.left.set()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=[b"", HEAD], ids=["silent", "slow"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    server = Server(request.param)
    yield server
    server.close()


def test_thread_leaves_a_server_without_a_complete_response(server: Server) -> None:
    with Shop(server.url, timeout=0.1, attempts=1) as shop:
        with pytest.raises(NoAnswer) as raised:
            shop.users.get()

        assert isinstance(raised.value.__cause__, TimeoutError | httpx2.ReadTimeout)
        assert server.left.wait(60)


class Parts(httpx2.SyncByteStream):
    """A body of two parts."""

    def __iter__(self) -> Iterator[bytes]:
        yield b"{"
        yield b"}"


def test_thread_reads_a_body_until_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 14.0, 16.0])
    time = SimpleNamespace(monotonic=lambda: next(clock))
    monkeypatch.setattr("shop_client._io.time", time)
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, stream=Parts()))
    shop = Shop("http://shop.test", http_client=httpx2.Client(transport=transport), attempts=1)

    with pytest.raises(NoAnswer) as raised:
        shop.users.get()

    assert isinstance(raised.value.__cause__, TimeoutError)


def test_task_leaves_a_server_without_a_complete_response(server: Server) -> None:
    async def run() -> None:
        async with AsyncShop(server.url, timeout=0.1, attempts=1) as shop:
            with pytest.raises(NoAnswer) as raised:
                await shop.users.get()

            assert isinstance(raised.value.__cause__, TimeoutError | httpx2.ReadTimeout)
            assert await asyncio.to_thread(server.left.wait, 60)

    asyncio.run(run())


def test_unreachable_server_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    with Shop(f"http://127.0.0.1:{port}", attempts=1) as shop, pytest.raises(NoAnswer):
        shop.users.get()


def test_header_with_a_line_break_is_rejected(server: Server) -> None:
    with (
        Shop(server.url, attempts=1) as shop,
        pytest.raises(ValueError, match="a header") as raised,
    ):
        shop.orders.place(items=[], idempotency_key="a\nsecret")

    assert "secret" not in "".join(traceback.format_exception(raised.value, limit=0))
