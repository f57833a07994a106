"""Input and output, for tasks and for threads: exchange messages, sleep, lock and store."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
from collections.abc import Awaitable, Coroutine, Generator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.metadata import version
from typing import TypeVar, cast

import httpx2

from shop_client._core import Call, Lost, Received
from shop_client.tokens import AnyCallback, AnyTokenStorage, Callback, Tokens, TokenStorage

T = TypeVar("T")
HEADERS = {"User-Agent": f"shop-backend-client/{version('shop-backend-client')}"}
MAX_CONTENT = 10_000_000  # bytes after decompression; a Lambda function returns 6 MB at most
FAILURES = (OSError, httpx2.HTTPError, httpx2.StreamError)  # a TimeoutError is an OSError

_is_sending = ContextVar("_is_sending", default=False)
# httpx2 logs each URL, and ours can contain tokens and email addresses.
logging.getLogger("httpx2").addFilter(lambda _: not _is_sending.get())


@contextmanager
def _sending() -> Generator[None, None, None]:
    """Hide the URL from logs, and raise `ValueError` for a request that cannot be sent."""
    token = _is_sending.set(True)
    try:
        yield
    except httpx2.InvalidURL as error:
        raise ValueError(f"the URL is invalid: {error}") from None
    except httpx2.LocalProtocolError:
        # Its text has the header, which can be a token.
        raise ValueError("a header is invalid") from None
    finally:
        _is_sending.reset(token)


def _require_allowed_size(content: bytearray) -> None:
    # Each part is at most what 64 KB decompress to.
    if len(content) > MAX_CONTENT:
        raise httpx2.DecodingError(f"the response has more than {MAX_CONTENT} bytes")


class AsyncIo:
    """Input and output of tasks."""

    def __init__(self, http_client: httpx2.AsyncClient | None) -> None:
        self._http = http_client or httpx2.AsyncClient(headers=HEADERS, timeout=None)
        self._is_own = http_client is None
        self.lock = asyncio.Lock()
        self._unfinished: set[asyncio.Task[object]] = set()

    async def exchange(
        self, sent: Call[object], url: str, headers: httpx2.Headers, timeout: float
    ) -> Received:
        """Send a request once; raise `Lost` without a complete response within the timeout."""
        response: httpx2.Response | None = None
        content = bytearray()
        try:
            with _sending():
                request = self._http.build_request(
                    sent.operation.method,
                    url,
                    params=sent.query or None,
                    headers=headers,
                    content=sent.content,
                    timeout=timeout,
                )
                # Of another user of the same `http_client`.
                request.headers.pop("Cookie", None)
                async with asyncio.timeout(timeout):
                    # A followed redirect turns a POST into a GET, and may lead to another server.
                    response = await self._http.send(request, stream=True, follow_redirects=False)
                    try:
                        async for part in response.aiter_bytes():
                            content += part
                            _require_allowed_size(content)
                    finally:
                        await response.aclose()
        except FAILURES as error:
            raise Lost(None if response is None else response.headers) from error
        return Received(response.status_code, response.headers, bytes(content))

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def load(self, storage: AnyTokenStorage) -> Tokens | None:
        loaded = storage.load()
        return await loaded if inspect.isawaitable(loaded) else loaded

    async def save(self, storage: AnyTokenStorage, tokens: Tokens | None) -> None:
        saved = cast(Awaitable[None] | None, storage.save(tokens))
        if saved is not None:
            await saved

    async def wait(self, future: Future[str], seconds: float) -> str:
        """Return the result; raise `TimeoutError` without one after these seconds."""
        return await asyncio.wait_for(asyncio.wrap_future(future), seconds)

    async def notify(self, callback: AnyCallback) -> None:
        called = callback()
        if called is not None:
            await called

    async def finish(self, work: Coroutine[None, None, T]) -> T:
        """Return the result of the work, which continues if its caller is cancelled."""
        task = asyncio.create_task(work)
        self._unfinished.add(task)
        task.add_done_callback(self._finished)
        await asyncio.wait([task])
        return task.result()

    def _finished(self, task: asyncio.Task[object]) -> None:
        self._unfinished.discard(task)
        if not task.cancelled():
            task.exception()  # or asyncio logs it if the caller was cancelled

    async def aclose(self) -> None:
        """Close the connections, after the work whose caller was cancelled."""
        try:
            if self._unfinished:
                await asyncio.wait(self._unfinished)
        finally:
            if self._is_own:
                await self._http.aclose()


class Io:
    """Input and output of threads."""

    def __init__(self, http_client: httpx2.Client | None) -> None:
        self._http = http_client or httpx2.Client(headers=HEADERS, timeout=None)
        self._is_own = http_client is None
        self.lock = threading.Lock()

    def exchange(
        self, sent: Call[object], url: str, headers: httpx2.Headers, timeout: float
    ) -> Received:
        """Send a request once; raise `Lost` without a complete response within the timeout.

        Each wait for the network ends after the timeout, and so does the whole body.
        """
        deadline = time.monotonic() + timeout
        response: httpx2.Response | None = None
        content = bytearray()
        try:
            with _sending():
                request = self._http.build_request(
                    sent.operation.method,
                    url,
                    params=sent.query or None,
                    headers=headers,
                    content=sent.content,
                    timeout=timeout,
                )
                # Of another user of the same `http_client`.
                request.headers.pop("Cookie", None)
                response = self._http.send(request, stream=True, follow_redirects=False)
                try:
                    for part in response.iter_bytes():
                        if time.monotonic() > deadline:
                            raise TimeoutError(f"no complete response within {timeout} s")
                        content += part
                        _require_allowed_size(content)
                finally:
                    response.close()
        except FAILURES as error:
            raise Lost(None if response is None else response.headers) from error
        return Received(response.status_code, response.headers, bytes(content))

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def load(self, storage: TokenStorage) -> Tokens | None:
        return storage.load()

    def save(self, storage: TokenStorage, tokens: Tokens | None) -> None:
        storage.save(tokens)

    def wait(self, future: Future[str], seconds: float) -> str:
        """Return the result; raise `TimeoutError` without one after these seconds."""
        return future.result(seconds)

    def notify(self, callback: Callback) -> None:
        callback()

    def finish(self, work: T) -> T:
        return work

    def close(self) -> None:
        if self._is_own:
            self._http.close()
