"""Calls in each protocol, written and read without the code under test."""

import json
import struct
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from google.protobuf.json_format import MessageToJson, Parse, ParseDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo, RetryInfo
from google.rpc.status_pb2 import Status

from shop.json_names import to_snake
from shop.rpc.v1 import shop_pb2

CODES = {
    **{0: "ok", 3: "invalid_argument", 5: "not_found", 6: "already_exists"},
    **{7: "permission_denied", 8: "resource_exhausted", 9: "failed_precondition", 10: "aborted"},
    **{12: "unimplemented", 13: "internal", 14: "unavailable", 16: "unauthenticated"},
}
# Of the protocols whose errors are in headers
FRAMED = ("grpc-web", "grpc-web-text", "grpc")
FACES = ("connect-json", "connect", *FRAMED)
_DETAILS = {it.DESCRIPTOR.full_name: it for it in (BadRequest, ErrorInfo, RequestInfo, RetryInfo)}


class Outcome(NamedTuple):
    """A response, by the protocol of its call."""

    code: str  # `ok`, or of an error as Connect spells it
    message: Message | None = None
    text: str = ""  # of an error
    details: Mapping[str, Any] = {}  # by the last part of their type

    @property
    def reason(self) -> str:
        return str(self.details["ErrorInfo"].reason)


def types_of(method: str) -> tuple[type[Message], type[Message]]:
    """Return the messages of a method, such as `OrderService/GetOrder`."""
    service, name = method.split("/")
    found = shop_pb2.DESCRIPTOR.services_by_name[service].methods_by_name[name]
    return GetMessageClass(found.input_type), GetMessageClass(found.output_type)


def message_of(method: str, fields: Mapping[str, Any]) -> Message:
    """Return the message with fields of REST; those that it lacks are left out."""
    message = types_of(method)[0]()
    known = {it.json_name: it for it in message.DESCRIPTOR.fields}
    sent = {name: value for name, value in fields.items() if name in known}
    for name, value in sent.items():
        if enum := known[name].enum_type:
            prefix = enum.values[0].name.removesuffix("UNSPECIFIED")
            sent[name] = prefix + _sort_name(value) if prefix == "SORT_" else prefix + value.upper()
    return ParseDict(sent, message)


def _sort_name(sort: str) -> str:
    words = to_snake(sort.removeprefix("-")).upper()
    return words + ("_DESC" if sort.startswith("-") else "_ASC")


def headers_of(face: str) -> dict[str, str]:
    """Return the headers of a valid call."""
    types = {
        "connect-json": "application/json",
        "connect": "application/proto",
        "grpc-web": "application/grpc-web+proto",
        "grpc-web-text": "application/grpc-web-text",
        "grpc": "application/grpc",
    }
    needs_accept = face in ("connect", "grpc-web", "grpc")
    return {"Content-Type": types[face], **({"Accept": "*/*"} if needs_accept else {})}


def frame(data: bytes, flags: int = 0) -> bytes:
    return struct.pack(">BI", flags, len(data)) + data


def body_of(face: str, message: Message) -> bytes:
    """Return the body of a call."""
    if face == "connect-json":
        return MessageToJson(message).encode()
    data = message.SerializeToString()
    if face == "connect":
        return data
    return b64encode(frame(data)) if face == "grpc-web-text" else frame(data)


def outcome_of(
    face: str, method: str, status: int, headers: Mapping[str, str], body: bytes
) -> Outcome:
    """Read a response, and check all that its protocol requires."""
    headers = {name.lower(): text for name, text in headers.items()}
    if face in FRAMED:
        return _framed_outcome(face, method, status, headers, body)
    if status != 200:
        error = json.loads(body)
        assert headers["content-type"] == "application/json"
        details = [
            _DETAILS[it["type"]].FromString(_decoded(it["value"])) for it in error["details"]
        ]
        return Outcome(error["code"], None, error["message"], _by_name(details))
    assert headers["content-type"] == headers_of(face)["Content-Type"]
    output = types_of(method)[1]
    read = Parse(body, output()) if face == "connect-json" else output.FromString(body)
    return Outcome("ok", read)


def _framed_outcome(
    face: str, method: str, status: int, headers: Mapping[str, str], body: bytes
) -> Outcome:
    assert headers["content-type"] == headers_of(face)["Content-Type"]
    if "grpc-status" in headers:
        assert body == b""
        code = CODES[int(headers["grpc-status"])]
        assert status == {"internal": 500, "unavailable": 503}.get(code, 200)
        told = Status.FromString(_decoded(headers["grpc-status-details-bin"]))
        text = unquote(headers["grpc-message"])
        assert (CODES[told.code], told.message) == (code, text)
        details = [_DETAILS[it.TypeName()].FromString(it.value) for it in told.details]
        return Outcome(code, None, text, _by_name(details))
    assert status == 200
    frames = list(_frames(b64decode(body) if face == "grpc-web-text" else body))
    if face != "grpc":
        assert frames.pop() == (0x80, b"grpc-status: 0\r\n")
    ((flags, data),) = frames
    assert flags == 0
    return Outcome("ok", types_of(method)[1].FromString(data))


def _frames(body: bytes) -> Any:
    while body:
        flags, length = struct.unpack_from(">BI", body)
        yield flags, body[5 : 5 + length]
        body = body[5 + length :]


def _by_name(details: list[Any]) -> dict[str, Any]:
    names = [it.DESCRIPTOR.name for it in details]
    assert len(set(names)) == len(names)
    return dict(zip(names, details, strict=True))


def _decoded(text: str) -> bytes:
    assert "=" not in text
    return b64decode(text + "=" * (-len(text) % 4))
