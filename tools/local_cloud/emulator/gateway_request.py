"""One request at the gateway: what its patches need to know of it, wherever they are called."""

import secrets
import time
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import uuid4

Headers = list[tuple[str, str]]


def new_trace_id() -> str:
    """https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html"""
    return f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"


def new_segment_id() -> str:
    return secrets.token_hex(8)


@dataclass(frozen=True)
class GatewayRequest:
    """A request as it came in; ``path`` is the client's, still percent-encoded."""

    path: str
    peer: str
    headers: Headers
    query: str = ""
    request_id: str = field(default_factory=lambda: str(uuid4()))
    trace_id: str = field(default_factory=new_trace_id)
    segment_id: str = field(default_factory=new_segment_id)

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return values[-1] if values else None


current: ContextVar[GatewayRequest | None] = ContextVar("exchange", default=None)


def decoded(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    return [(name.decode("latin-1"), _text(value)) for name, value in raw]


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
