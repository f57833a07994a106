"""The request at the gateway, for the patches that run while it is handled."""

import secrets
import time
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import uuid4

Headers = list[tuple[str, str]]


def new_trace_id() -> str:
    """Return a trace id.

    https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html
    """
    return f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"


def new_segment_id() -> str:
    return secrets.token_hex(8)


@dataclass(frozen=True)
class GatewayRequest:
    """A request as received; ``path`` is percent-encoded."""

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


current: ContextVar[GatewayRequest | None] = ContextVar("gateway_request", default=None)


def decode_headers(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    return [(name.decode("latin-1"), _decode(value)) for name, value in raw]


def _decode(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
