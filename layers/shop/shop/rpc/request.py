"""Calls of Connect, gRPC-Web and gRPC as the requests of REST that they stand for."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any  # events, messages and bodies have fields of many types
from urllib.parse import unquote

from google.protobuf.message import Message

from shop.errors import BadRequest, UnsupportedMediaType
from shop.http.parameters import BoundEndpoint
from shop.http.request import MAX_BODY_BYTES, Request, check_charset
from shop.identifiers import with_canonical_ids
from shop.rpc import wire
from shop.rpc.errors import RpcError
from shop.rpc.protocols import Protocol, known_protocol, nearest_protocol

# Headers of REST, whose values are in the message, or are links to REST.
_OF_REST = {"ETag", "Location", "Link"}
_ETAG = "etag"


class RpcRequest(Request):
    """A call: its message has path, query, body and precondition of the request."""

    def __init__(self, event: Mapping[str, Any], endpoint: BoundEndpoint, method: str) -> None:
        super().__init__(event)
        self._endpoint = endpoint
        self._input, self._output = wire.types_of(method)

    @property
    def face(self) -> str:  # type: ignore[override]  # a constant of REST
        return self._protocol.face

    @property
    def method(self) -> str:
        return self._endpoint.method

    @property
    def path(self) -> str:
        # The last two segments are the method, in any percent-encoding.
        prefix, *_ = unquote(super().path).rstrip("/").rsplit("/", 2)
        return prefix + with_canonical_ids(self._endpoint.path.format_map(self.path_parameters))

    @property
    def path_parameters(self) -> Mapping[str, str]:
        """The ids in the message; without a user id, the word for the caller."""
        names = self._endpoint.path_names.items()
        return {
            in_path: self._fields.get(name) or ("me" if name == "user_id" else "")
            for name, in_path in names
        }

    @property
    def _parameters(self) -> Mapping[str, Sequence[str]]:
        if self._endpoint.query is None:
            return {}
        return {name: [str(value)] for name, value in wire.in_json(self._others).items()}

    def condition(self, header: str) -> str | None:
        return self._fields.get(_ETAG) if header == "If-Match" else None

    def _entity_tags(self, header: str) -> list[str] | None:
        try:
            return super()._entity_tags(header)
        except BadRequest:
            raise BadRequest("etag must be the etag of a response.") from None

    def json(self) -> bytes:
        """Return the body of REST.

        Of a PATCH, the fields of the mask, or without a mask those of the message. Elsewhere the
        absence of an optional field is null.
        """
        if self.method != "PATCH":
            absent: Mapping[str, Any] = dict.fromkeys(wire.optional_fields(self._input))
            return _encoded({**absent, **self._others})
        mask = self._fields.get(wire.MASK)
        if not mask:
            return _encoded(self._others)
        return _encoded({name: self._others.get(name) for name in mask})

    def admit(self) -> None:
        """Raise the errors of protocol and message."""
        if isinstance(self._message, Exception):
            raise self._message

    def to_gateway(self, response: dict[str, Any]) -> dict[str, Any]:
        sent: dict[str, str] = response["headers"]
        headers = {name: text for name, text in sent.items() if name not in _OF_REST}
        if response["statusCode"] >= 400:
            fields = json.loads(response["body"])["error"]
            error = RpcError(response["statusCode"], fields, sent.get("Retry-After"))
            return self._error(error, headers)
        message = self._output()
        wire.fill(message, self._output_fields(response))
        protocol = self._protocol
        headers["Content-Type"] = self._content_type
        if protocol.is_json:
            return _response(200, headers, wire.write_json(message))
        body = protocol.frames(message.SerializeToString())
        content = body if protocol.is_text else b64encode(body)
        return _response(200, headers, content.decode(), is_binary=protocol.is_binary)

    def _error(self, error: RpcError, headers: dict[str, str]) -> dict[str, Any]:
        if self._protocol.is_connect:
            return _response(error.code.status, headers, error.connect_body())
        # Failures keep their status, or alarms and canaries would not see them.
        status = error.code.status if error.code.status in (500, 503) else 200
        headers |= {"Content-Type": self._content_type, **error.grpc_headers()}
        return _response(status, headers, "")

    def _output_fields(self, response: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a page as `{orders, nextCursor, total}`, and a resource as `{order, etag}`."""
        body = json.loads(response["body"] or "{}")
        fields = self._output.DESCRIPTOR.fields
        if "data" in body:
            return {**body["meta"], fields[0].json_name: body["data"]}
        if body:
            return {fields[0].json_name: body, _ETAG: response["headers"]["ETag"]}
        return {}

    @property
    def _media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def _protocol(self) -> Protocol:
        return nearest_protocol(self._media_type)

    @property
    def _content_type(self) -> str:
        known = known_protocol(self._media_type)
        return f"application/{self.face}" if known is None else self._media_type

    @cached_property
    def _message(self) -> Message | Exception:
        """The message, or the exception that `admit` raises: audits and logs read it as well."""
        try:
            return self._read()
        except Exception as error:
            return error

    def _read(self) -> Message:
        protocol = known_protocol(self._media_type)
        if protocol is None:
            raise UnsupportedMediaType(
                "Send application/json, application/proto, or unary application/grpc-web."
            )
        if protocol.is_json:
            check_charset(";" + self.headers["content-type"].partition(";")[2])
        # Without it, API Gateway returns binary responses in base64, after the call was done.
        elif protocol.is_binary and not self.headers.get("accept", "").partition(",")[0].strip():
            raise BadRequest("A binary call must have the header Accept, such as */*.")
        # Frames and base64 take some bytes more.
        body = protocol.read(self.raw_body(MAX_BODY_BYTES * 2), self.headers)
        read = wire.read_json if protocol.is_json else wire.read_binary
        message = read(self._input, body)
        self._check_mask(message)
        return message

    def _check_mask(self, message: Message) -> None:
        fields = {it.name for it in message.DESCRIPTOR.fields}
        changeable = fields - {_ETAG, wire.MASK, *self._endpoint.path_names}
        if not changeable.issuperset(wire.sent_fields(message).get(wire.MASK, ())):
            raise BadRequest("update_mask has an unknown field.")

    @cached_property
    def _fields(self) -> Mapping[str, Any]:
        """The fields of the message; none of a malformed one."""
        return {} if isinstance(self._message, Exception) else wire.sent_fields(self._message)

    @cached_property
    def _others(self) -> Mapping[str, Any]:
        """The fields that are part of the query or the body."""
        elsewhere = {_ETAG, wire.MASK, *self._endpoint.path_names}
        return {name: value for name, value in self._fields.items() if name not in elsewhere}


def _encoded(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(wire.in_json(fields)).encode()


def _response(
    status: int, headers: Mapping[str, str], body: str, *, is_binary: bool = False
) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": headers,
        "body": body,
        "isBase64Encoded": is_binary,
    }
