"""Protocols of calls: content types, frames, compression and base64.

https://connectrpc.com/docs/protocol and https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md
"""

import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from itertools import islice
from struct import pack, unpack_from
from typing import NamedTuple

from shop.errors import BadRequest, PayloadTooLarge, UnsupportedMediaType
from shop.http.request import MAX_BODY_BYTES

_PREFIX = 5  # bytes of a frame before its message: flags and length
_COMPRESSED, _TRAILERS = 0x01, 0x80
_MALFORMED = "The body is malformed."
# A stream in base64 may consist of several parts, each with its own padding.
_MAX_PARTS = 16
_PART = re.compile(rb"[^=]+=*")


class Protocol(NamedTuple):
    face: str  # in log lines
    is_json: bool = False
    is_text: bool = False  # in base64

    @property
    def is_connect(self) -> bool:
        return self.face == "connect"

    @property
    def is_binary(self) -> bool:
        return not self.is_json and not self.is_text

    def read(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """Return the message in a body, of 1 MiB at most.

        Raise `UnsupportedMediaType` for streams and unknown compression, `PayloadTooLarge` or
        `BadRequest`.
        """
        sent_encoding = headers.get("content-encoding", "identity").lower()
        encoding = sent_encoding if self.is_connect else headers.get("grpc-encoding", "identity")
        _check_encoding(encoding, ("identity", "gzip"))
        if self.is_connect:
            # Connect: "Servers must not attempt to decompress zero-length content."
            message = _gunzip(body) if encoding == "gzip" and body else body
        else:
            _check_encoding(sent_encoding, ("identity",))
            message = _message_of(_from_base64(body) if self.is_text else body, encoding)
        if len(message) > MAX_BODY_BYTES:
            raise PayloadTooLarge
        return message

    def frames(self, message: bytes) -> bytes:
        """Return the body of a successful call; the status of gRPC-Web is in its last frame."""
        if self.is_connect:
            return message
        frame = pack(">BI", 0, len(message)) + message
        if self.face == "grpc":
            return frame
        status = b"grpc-status: 0\r\n"
        body = frame + pack(">BI", _TRAILERS, len(status)) + status
        return b64encode(body) if self.is_text else body


CONNECT = Protocol("connect")
CONNECT_JSON = Protocol("connect", is_json=True)
_WEB, _WEB_TEXT = Protocol("grpc-web"), Protocol("grpc-web", is_text=True)
_GRPC = Protocol("grpc")
_BY_MEDIA_TYPE: Mapping[str, Protocol] = {
    "application/json": CONNECT_JSON,
    "application/proto": CONNECT,
    "application/grpc-web": _WEB,
    "application/grpc-web+proto": _WEB,
    "application/grpc-web-text": _WEB_TEXT,
    "application/grpc-web-text+proto": _WEB_TEXT,
    "application/grpc": _GRPC,
    "application/grpc+proto": _GRPC,
}


def known_protocol(media_type: str) -> Protocol | None:
    return _BY_MEDIA_TYPE.get(media_type)


def nearest_protocol(media_type: str) -> Protocol:
    """Return the protocol in which a call is answered, also one of an unknown media type."""
    if media_type in _BY_MEDIA_TYPE:
        return _BY_MEDIA_TYPE[media_type]
    if media_type.startswith("application/grpc-web"):
        return _WEB
    return _GRPC if media_type.startswith("application/grpc") else CONNECT_JSON


def _check_encoding(encoding: str, known: tuple[str, ...]) -> None:
    if encoding not in known:
        raise UnsupportedMediaType("The message must be sent uncompressed or with gzip.")


def _message_of(body: bytes, encoding: str) -> bytes:
    if len(body) < _PREFIX:
        raise BadRequest(_MALFORMED)
    flags, length = unpack_from(">BI", body)
    if length > MAX_BODY_BYTES:
        raise PayloadTooLarge
    message, rest = body[_PREFIX : _PREFIX + length], body[_PREFIX + length :]
    is_compressed = flags == _COMPRESSED
    if len(message) < length or (is_compressed and encoding != "gzip"):
        raise BadRequest(_MALFORMED)
    if rest:
        raise UnsupportedMediaType("A call must have one message: there are no streams.")
    if flags not in (0, _COMPRESSED):
        raise BadRequest(_MALFORMED)
    return _gunzip(message) if is_compressed else message


def _from_base64(body: bytes) -> bytes:
    parts = [it[0] for it in islice(_PART.finditer(body), _MAX_PARTS + 1)]
    if len(parts) > _MAX_PARTS:
        raise BadRequest(_MALFORMED)
    try:
        return b"".join(b64decode(part, validate=True) for part in parts)
    except ValueError:
        raise BadRequest(_MALFORMED) from None


def _gunzip(compressed: bytes) -> bytes:
    """Decompress at most 1 MiB, and one byte more to detect a larger message."""
    decompressor = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        message = decompressor.decompress(compressed, MAX_BODY_BYTES + 1)
    except zlib.error:
        raise BadRequest("The message is not valid gzip.") from None
    if len(message) > MAX_BODY_BYTES:
        raise PayloadTooLarge
    if not decompressor.eof or decompressor.unused_data:
        raise BadRequest("The message is not valid gzip.")
    return message
