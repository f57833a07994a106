"""A fake API with one step per request, used by both clients."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any, cast

import httpx2

from shop_client import AsyncShop, InMemory, Shop, Tokens

Json = Any  # content of requests and responses
Step = httpx2.Response | Exception | Callable[[httpx2.Request], httpx2.Response]

TIME = "2026-11-22T18:06:00.123Z"
USER = {
    "id": "u1",
    "email": "ada@example.com",
    "name": "Ada",
    "status": "active",
    "role": "customer",
    "emailVerified": True,
    "createdAt": TIME,
    "updatedAt": TIME,
}
PRODUCT = {
    "id": "p1",
    "sku": "PEAR",
    "name": "A pear",
    "price": "19.90",
    "currency": "EUR",
    "stock": 5,
    "status": "active",
    "createdAt": TIME,
    "updatedAt": TIME,
}
ORDER: Json = {
    "id": "o1",
    "userId": "u1",
    "status": "pending",
    "currency": "EUR",
    "total": "19.90",
    "items": [],
    "note": None,
    "createdAt": TIME,
    "updatedAt": TIME,
}
SESSION = {
    "id": "s1",
    "createdAt": TIME,
    "lastUsedAt": TIME,
    "expiresAt": TIME,
    "userAgent": "tests",
    "ipAddress": "127.0.0.1",
    "current": True,
}
PERSONAL_DATA: Json = {
    "format": "shop-personal-data/1",
    "exportedAt": TIME,
    "subject": "u1",
    "user": USER | {"formerEmails": [], "passwordChangedAt": None},
    "sessions": [],
    "grants": [],
    "appSessions": [],
    "authenticators": [],
    "about": [],
    "orders": [ORDER],
    "meta": {"nextCursor": None},
}
LOST = httpx2.ReadError("connection reset")


class Truncated(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """The first half of a body, before the connection ends."""

    def __iter__(self) -> Iterator[bytes]:
        yield b'{"id":'
        raise LOST

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self:
            yield part


class Fake:
    """A scripted API, and its client for threads or tasks."""

    def __init__(self, kind: str, waits: list[float]) -> None:
        self._kind = kind
        self.waits = waits
        """Seconds of the waits, which take no time."""
        self.requests: list[httpx2.Request] = []
        self.steps: list[Step] = []
        self.shop: Any = None  # Shop or AsyncShop

    def script(self, *steps: Step, **options: Any) -> Fake:
        """Create a client of an API that responds by these steps."""
        self.steps = list(steps)
        transport = httpx2.MockTransport(self._respond)
        if self._kind == "threads":
            client = httpx2.Client(transport=transport)
            self.shop = Shop("http://shop.test/stage/", http_client=client, **options)
        else:
            tasks = httpx2.AsyncClient(transport=transport)
            self.shop = AsyncShop("http://shop.test/stage/", http_client=tasks, **options)
        return self

    def run(self, call: Callable[[Any], Any]) -> Any:
        """Call a method, and return its result or the list of its items."""
        result = call(self.shop)
        if inspect.iscoroutine(result):
            return asyncio.run(result)
        if inspect.isasyncgen(result):
            return asyncio.run(_listed(result))
        return list(result) if inspect.isgenerator(result) else result

    def _respond(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        assert self.steps, f"unexpected request: {request.method} {request.url}"
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        response = step if isinstance(step, httpx2.Response) else step(request)
        if not isinstance(response.stream, httpx2.ByteStream):
            return response
        # A copy, since a response can be sent once and tests share some.
        content = httpx2.ByteStream(b"".join(cast(Iterable[bytes], response.stream)))
        return httpx2.Response(response.status_code, headers=response.headers, stream=content)

    @property
    def calls(self) -> list[str]:
        return [f"{it.method} {it.url.path.removeprefix('/stage')}" for it in self.requests]

    def headers(self, name: str) -> list[str | None]:
        return [it.headers.get(name) for it in self.requests]

    def body(self, index: int = -1) -> Json:
        return json.loads(self.requests[index].content)


async def _listed(items: Any) -> list[Any]:
    return [item async for item in items]


def reply(body: Json, status: int = 200, headers: Mapping[str, str] = {}) -> httpx2.Response:  # noqa: B006
    return httpx2.Response(status, json=body, headers=headers)


def rejection(status: int, code: str, headers: Mapping[str, str] = {}) -> httpx2.Response:  # noqa: B006
    detail = {"field": "body.name", "code": "missing", "message": "Field required"}
    error = {"code": code, "message": "No.", "requestId": "r1", "details": [detail]}
    return reply({"error": error}, status, headers)


def page(items: list[Json], cursor: str | None = None) -> httpx2.Response:
    meta = {"page": None, "limit": 2, "total": None, "totalPages": None, "nextCursor": cursor}
    return reply({"data": items, "meta": meta})


def grant(name: str) -> httpx2.Response:
    tokens = {"accessToken": f"access-{name}", "refreshToken": f"refresh-{name}"}
    return reply({**tokens, "tokenType": "Bearer", "expiresIn": 900, "session": SESSION}, 201)


def logged_in(name: str = "old") -> InMemory:
    return InMemory(Tokens(f"access-{name}", f"refresh-{name}"))
