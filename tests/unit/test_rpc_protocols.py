"""Bodies of calls: frames, compression and base64, whole and damaged."""

import gzip
import struct
import zlib
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.errors import BadRequest, PayloadTooLarge, ShopError, UnsupportedMediaType
from shop.http.request import MAX_BODY_BYTES
from shop.rpc.protocols import Protocol, known_protocol, nearest_protocol
from tests.support.rpc_calls import FACES, FRAMED, frame, headers_of

GZIP = {"content-encoding": "gzip"}
GRPC_GZIP = {"grpc-encoding": "gzip"}
BOMB = gzip.compress(b"\0" * (MAX_BODY_BYTES + 1))


def protocol(face: str) -> Protocol:
    found = known_protocol(headers_of(face)["Content-Type"])
    assert found is not None
    return found


def sent(face: str, data: bytes, compressed: bool = False) -> tuple[bytes, dict[str, str]]:
    """Return body and headers as a client sends them."""
    if face in FRAMED:
        body = frame(gzip.compress(data), 1) if compressed else frame(data)
        encoded = b64encode(body) if face == "grpc-web-text" else body
        return encoded, GRPC_GZIP if compressed else {}
    return (gzip.compress(data), GZIP) if compressed else (data, {})


@given(st.sampled_from(FACES), st.binary(), st.booleans())
def test_message_is_read_as_sent(face: str, data: bytes, compressed: bool) -> None:
    assert protocol(face).read(*sent(face, data, compressed)) == data


@given(st.sampled_from(FACES), st.binary(), st.dictionaries(
    st.sampled_from(["content-encoding", "grpc-encoding"]),
    st.sampled_from(["gzip", "identity", "br", ""]),
))  # fmt: skip
def test_damaged_body_is_an_error_of_the_client(
    face: str, body: bytes, headers: dict[str, str]
) -> None:
    try:
        assert len(protocol(face).read(body, headers)) <= MAX_BODY_BYTES
    except ShopError as error:
        assert error.status in (400, 413, 415)


@pytest.mark.parametrize("face", FACES)
def test_message_of_a_mebibyte_is_accepted_and_a_longer_one_rejected(face: str) -> None:
    longest = b"x" * MAX_BODY_BYTES

    assert protocol(face).read(*sent(face, longest)) == longest
    assert protocol(face).read(*sent(face, longest, compressed=True)) == longest
    for compressed in (False, True):
        with pytest.raises(PayloadTooLarge):
            protocol(face).read(*sent(face, longest + b"x", compressed))


@pytest.mark.parametrize("face", FACES)
def test_gzip_bomb_is_rejected_without_its_expansion(
    face: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expanded: list[int] = []

    class Decompressor:
        def __init__(self, wbits: int) -> None:
            self._inner = decompressobj(wbits)

        def decompress(self, data: bytes, max_length: int) -> bytes:
            result = self._inner.decompress(data, max_length)
            expanded.append(len(result))
            return result

    decompressobj = zlib.decompressobj
    bomb = gzip.compress(b"\0" * 64 * MAX_BODY_BYTES)
    body = frame(bomb, 1) if face in FRAMED else bomb
    body = b64encode(body) if face == "grpc-web-text" else body
    monkeypatch.setattr("shop.rpc.protocols.zlib.decompressobj", Decompressor)

    with pytest.raises(PayloadTooLarge):
        protocol(face).read(body, GRPC_GZIP if face in FRAMED else GZIP)

    assert expanded == [MAX_BODY_BYTES + 1]


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip", ""])
@pytest.mark.parametrize("face", FACES)
def test_unknown_encoding_is_unsupported(face: str, encoding: str) -> None:
    body, _ = sent(face, b"x")
    name = "grpc-encoding" if face in FRAMED else "content-encoding"

    with pytest.raises(UnsupportedMediaType):
        protocol(face).read(body, {name: encoding})


@pytest.mark.parametrize("face", FRAMED)
def test_frames_are_compressed_and_not_the_body_around_them(face: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        protocol(face).read(*(gzip.compress(sent(face, b"x")[0]), GZIP))


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(b"", {}, id="empty"),
        pytest.param(frame(b"abc")[:4], {}, id="half a prefix"),
        pytest.param(frame(b"abc")[:-1], {}, id="half a message"),
        pytest.param(frame(b"", 0x80), {}, id="trailers"),
        pytest.param(frame(b"", 2), {}, id="unknown flag"),
        pytest.param(frame(gzip.compress(b"x"), 1), {}, id="compressed without encoding"),
        pytest.param(frame(b"no gzip", 1), GRPC_GZIP, id="no gzip"),
        pytest.param(frame(gzip.compress(b"x")[:-1], 1), GRPC_GZIP, id="half of gzip"),
        pytest.param(frame(gzip.compress(b"x") + b"y", 1), GRPC_GZIP, id="more than gzip"),
    ],
)
def test_malformed_frame_is_rejected(body: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        protocol("grpc").read(body, headers)


def test_announced_length_beyond_the_maximum_is_rejected() -> None:
    with pytest.raises(PayloadTooLarge):
        protocol("grpc").read(struct.pack(">BI", 0, 2**32 - 1), {})


@pytest.mark.parametrize("face", FRAMED)
def test_second_message_is_a_stream_and_unsupported(face: str) -> None:
    body = frame(b"a") + frame(b"b")

    with pytest.raises(UnsupportedMediaType):
        protocol(face).read(b64encode(body) if face == "grpc-web-text" else body, {})


def test_base64_in_several_parts_is_one_body() -> None:
    body = frame(b"abcd")
    parts = b64encode(body[:1]) + b64encode(body[1:5]) + b64encode(body[5:])

    assert parts.count(b"=") > 2
    assert protocol("grpc-web-text").read(parts, {}) == b"abcd"


@pytest.mark.parametrize("body", [b"!", b"QQ==" * 17, b"Q", b"QQ=", b"\n"])
def test_malformed_base64_is_rejected(body: bytes) -> None:
    with pytest.raises(BadRequest):
        protocol("grpc-web-text").read(body, {})


@pytest.mark.parametrize(
    ("media_type", "face"),
    [
        ("application/connect+json", "connect"),
        ("application/connect+proto", "connect"),
        ("text/plain", "connect"),
        ("", "connect"),
        ("application/grpc+json", "grpc"),
        ("application/grpc-web+json", "grpc-web"),
        ("application/grpc-web-text+json", "grpc-web"),
        ("application/grpcish", "grpc"),
    ],
)
def test_unknown_media_type_is_answered_in_the_nearest_protocol(media_type: str, face: str) -> None:
    assert known_protocol(media_type) is None
    assert nearest_protocol(media_type).face == face
