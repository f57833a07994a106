"""The second port: the deployed REST API at its root, as behind a custom domain."""

import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from tools.local_cloud.emulator import gateway_request
from tools.local_cloud.emulator.gateway_request import GatewayRequest
from tools.local_cloud.emulator.patches import gateway

# Any: what ASGI says.
Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
Answer = tuple[int, dict[str, str | list[str]], bytes]

# Beyond this nothing is read; the gateway refuses anything over 10 MB.
MOST_BYTES = 11 * 1024 * 1024


class FrontDoor:
    """An ASGI application that serves the newest API of one name, whatever its id is by now."""

    def __init__(self, api_name: str) -> None:
        self._api_name = api_name

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            body = await _read(receive)
            if body is not None:
                await _send(send, *await self._answer(scope, body))

    async def _answer(self, scope: Message, body: bytes) -> Answer:
        target = gateway.deployed_stage(self._api_name)
        if target is None:
            message = {"message": f"No API named {self._api_name} is deployed yet."}
            return 503, {"Content-Type": "application/json"}, json.dumps(message).encode()
        api_id, stage = target
        headers = gateway_request.decoded(scope["headers"])
        query = scope["query_string"].decode("latin-1")
        gateway_request.current.set(
            GatewayRequest(scope["raw_path"].decode("ascii"), scope["client"][0], headers, query)
        )
        answer: Answer = await gateway.handle_request(
            api_id,
            stage,
            scope["method"],
            scope["path"],
            _folded(headers),
            body,
            parse_qs(query, keep_blank_values=True),
        )
        return answer


def _folded(headers: gateway_request.Headers) -> dict[str, str]:
    """The emulator's shape: lower-case names, repeated fields joined (RFC 9110 5.2)."""
    folded: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        between = "; " if key == "cookie" else ", "
        folded[key] = folded[key] + between + value if key in folded else value
    return folded


async def _read(receive: Receive) -> bytes | None:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        size += len(message.get("body", b""))
        if size <= MOST_BYTES:
            chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            # What was left out is made up for, so that the gateway sees a body too large.
            return b"".join(chunks) if size <= MOST_BYTES else bytes(MOST_BYTES)


async def _send(
    send: Send, status: int, headers: dict[str, str | list[str]], body: bytes | str
) -> None:
    content = body.encode() if isinstance(body, str) else body
    lines = [
        (_token(name), str(value).encode("utf-8"))
        for name, values in headers.items()
        if name.lower() != "content-length"
        for value in (values if isinstance(values, list | tuple) else [values])
    ]
    # RFC 9110 8.6: no Content-Length with 204.
    if status != 204:
        lines.append((b"Content-Length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": content})


def _token(name: str) -> bytes:
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
        raise ValueError(f"A function answered with the header name {name!r}.")
    return name.encode("ascii")


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
