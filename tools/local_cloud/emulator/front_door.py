"""Front door: the deployed REST API at a port, with and without its stage in the path."""

import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from tools.local_cloud.emulator import gateway_request
from tools.local_cloud.emulator.gateway_request import GatewayRequest
from tools.local_cloud.emulator.patches import gateway

# Any: values of ASGI events.
AsgiEvent = MutableMapping[str, Any]
Send = Callable[[AsgiEvent], Awaitable[None]]
Receive = Callable[[], Awaitable[AsgiEvent]]
Response = tuple[int, dict[str, str | list[str]], bytes]

# Bytes kept of a request body; the gateway rejects bodies over 10 MB.
MAX_BODY_BYTES = 11 * 1024 * 1024


class FrontDoor:
    """ASGI application that serves the newest API of one name.

    A path without the stage is as behind a custom domain, and one with it as on `execute-api`.
    """

    def __init__(self, api_name: str) -> None:
        self._api_name = api_name

    async def __call__(self, scope: AsgiEvent, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _run_lifespan(receive, send)
        elif scope["type"] == "http":
            body = await _read(receive)
            if body is not None:
                await _send(send, *await self._respond(scope, body))

    async def _respond(self, scope: AsgiEvent, body: bytes) -> Response:
        target = gateway.deployed_stage(self._api_name)
        if target is None:
            message = {"message": f"No API named {self._api_name} is deployed yet."}
            return 503, {"Content-Type": "application/json"}, json.dumps(message).encode()
        api_id, stage = target
        path = scope["path"]
        headers = gateway_request.decode_headers(scope["headers"])
        query = scope["query_string"].decode("latin-1")
        gateway_request.current.set(
            GatewayRequest(scope["raw_path"].decode("ascii"), scope["client"][0], headers, query)
        )
        response: Response = await gateway.handle_request(
            api_id,
            stage,
            scope["method"],
            path.removeprefix(f"/{stage}") if path.startswith(f"/{stage}/") else path,
            _fold_headers(headers),
            body,
            parse_qs(query, keep_blank_values=True),
        )
        return response


def _fold_headers(headers: gateway_request.Headers) -> dict[str, str]:
    """Return lower-case names with repeated fields joined (RFC 9110 5.2), as ministack expects."""
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
        if size <= MAX_BODY_BYTES:
            chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            # A body of zeros over the limit makes the gateway return 413.
            return b"".join(chunks) if size <= MAX_BODY_BYTES else bytes(MAX_BODY_BYTES)


async def _send(
    send: Send, status: int, headers: dict[str, str | list[str]], body: bytes | str
) -> None:
    content = body.encode() if isinstance(body, str) else body
    lines = [
        (_header_name(name), str(value).encode("utf-8"))
        for name, values in headers.items()
        if name.lower() != "content-length"
        for value in (values if isinstance(values, list | tuple) else [values])
    ]
    # RFC 9110 8.6: no Content-Length with 204.
    if status != 204:
        lines.append((b"Content-Length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": content})


def _header_name(name: str) -> bytes:
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
        raise ValueError(f"A function returned the header name {name!r}.")
    return name.encode("ascii")


async def _run_lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
