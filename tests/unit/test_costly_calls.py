"""Invalid RPCs of any shape are rejected within 100 ms of CPU time, as bodies of REST are."""

import gzip
from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from importlib import import_module

import pytest

from shop.http.request import MAX_BODY_BYTES
from tests.support.cpu_time import measured
from tests.support.fixtures import ADMIN
from tests.support.gateway_events import Context, event
from tests.support.rpc_calls import FRAMED, frame, headers_of
from tests.support.sam_template import functions
from tests.unit.test_costly_bodies import MAX_SECONDS, shapes

METHODS = {it.rpc: import_module(it.module).handler for it in functions() if it.rpc}


def messages() -> Iterator[tuple[str, bytes]]:
    """Yield malformed or excessive messages; field 2 is the lines of an order."""
    yield "empty lines", b"\x12\x00" * (MAX_BODY_BYTES // 2)
    yield "lines, just few enough", b"\x12\x00" * 1000
    yield "lines of unknown fields", b"\x12\x04\xa2\x1f\x01x" * (MAX_BODY_BYTES // 6)
    yield "unknown fields", b"\xa2\x1f\x00" * (MAX_BODY_BYTES // 3)
    yield "nested groups", b"\xa3\x1f" * (MAX_BODY_BYTES // 2)
    yield "repeated text", b"\x0a\x01x" * (MAX_BODY_BYTES // 3) + b"\xff"
    yield "long text", b"\x0a\xfc\xff\x3f" + b"x" * (MAX_BODY_BYTES - 4)
    yield "masks", b"\x52\x02\x0a\x00" * (MAX_BODY_BYTES // 4)
    yield "paths of a mask", b"\x52\xfc\xff\x3f" + b"\x0a\x00" * (MAX_BODY_BYTES // 2 - 2)
    yield "invalid UTF-8", b"\x0a\xfc\xff\x3f" + b"\xff" * (MAX_BODY_BYTES - 4)
    yield "numbers", b"\x08" + b"\xff" * (MAX_BODY_BYTES - 1)


def bodies(face: str) -> Iterator[tuple[str, bytes, dict[str, str]]]:
    encoding = "Grpc-Encoding" if face in FRAMED else "Content-Encoding"
    for name, message in shapes() if face == "connect-json" else messages():
        for is_compressed in (False, True):
            data = gzip.compress(message) if is_compressed else message
            data = frame(data, int(is_compressed)) if face in FRAMED else data
            body = b64encode(data) if face == "grpc-web-text" else data
            headers = headers_of(face) | ({encoding: "gzip"} if is_compressed else {})
            yield f"{name}, compressed" if is_compressed else name, body, headers
    bomb = gzip.compress(b"\0" * 256 * MAX_BODY_BYTES)
    framed = frame(bomb, 1) if face in FRAMED else bomb
    body = b64encode(framed) if face == "grpc-web-text" else framed
    yield "bomb", body, headers_of(face) | {encoding: "gzip"}
    if face == "grpc-web-text":
        yield "parts", b"QQ==" * (MAX_BODY_BYTES // 4), headers_of(face)
        yield "short parts", b"A=" * (MAX_BODY_BYTES // 2), headers_of(face)
    if face == "connect-json":
        mask = b'{"updateMask": "%b"}' % (b"," * (MAX_BODY_BYTES - 20))
        yield "mask", mask, headers_of(face)


@pytest.mark.parametrize("face", ["connect-json", "connect", "grpc-web-text", "grpc"])
def test_invalid_call_costs_little_cpu_time(face: str) -> None:
    for name, body, headers in bodies(face):
        for method in ("OrderService/PlaceOrder", "ProductService/UpdateProduct"):
            path = f"/shop.v1.{method}"
            given = event(f"POST {path}", raw=body, headers=headers, caller=ADMIN)
            METHODS[path](event(f"POST {path}", raw=b"", headers=headers), Context())  # imports
            response, seconds = measured(partial(METHODS[path], given, Context()))

            assert response["statusCode"] in (200, 400, 404, 429), (name, method)
            assert face not in FRAMED or response["headers"]["Grpc-Status"], (name, method)
            assert seconds < MAX_SECONDS, (name, method, seconds)
