"""Errors of REST in the terms of Connect and gRPC: codes, and details of google.rpc.

https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple  # errors are JSON
from urllib.parse import quote

from google.protobuf.any import pack
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo, RetryInfo
from google.rpc.status_pb2 import Status

from shop.json_names import to_snake


class Code(NamedTuple):
    number: int  # of gRPC
    name: str  # of Connect
    status: int  # of HTTP, by Connect


_INVALID_ARGUMENT = Code(3, "invalid_argument", 400)
_NOT_FOUND = Code(5, "not_found", 404)
_ALREADY_EXISTS = Code(6, "already_exists", 409)
_PERMISSION_DENIED = Code(7, "permission_denied", 403)
_RESOURCE_EXHAUSTED = Code(8, "resource_exhausted", 429)
_FAILED_PRECONDITION = Code(9, "failed_precondition", 400)
_ABORTED = Code(10, "aborted", 409)
# 501 would let anybody cause alarms.
_UNIMPLEMENTED = Code(12, "unimplemented", 415)
_INTERNAL = Code(13, "internal", 500)
_UNAVAILABLE = Code(14, "unavailable", 503)
_UNAUTHENTICATED = Code(16, "unauthenticated", 401)

_OF_STATUS: Mapping[int, Code] = {
    400: _INVALID_ARGUMENT,
    401: _UNAUTHENTICATED,
    403: _PERMISSION_DENIED,
    404: _NOT_FOUND,
    409: _FAILED_PRECONDITION,
    412: _ABORTED,
    413: _RESOURCE_EXHAUSTED,
    415: _UNIMPLEMENTED,
    422: _INVALID_ARGUMENT,
    429: _RESOURCE_EXHAUSTED,
    503: _UNAVAILABLE,
}
_OF_REASON: Mapping[str, Code] = {
    "EMAIL_IN_USE": _ALREADY_EXISTS,
    "SKU_IN_USE": _ALREADY_EXISTS,
    "PRODUCT_UNAVAILABLE": _FAILED_PRECONDITION,
    "CURRENCY_MISMATCH": _FAILED_PRECONDITION,
}
# Of the details in a header: clients of gRPC accept 8 KB of headers, in base64.
_MAX_DETAIL_BYTES = 4096
_INDEX = re.compile(r"\.(\d+)(?=\.|$)")


class RpcError:
    """An error of REST: `fields` are those of its body, `retry_after` is in seconds."""

    def __init__(self, status: int, fields: Mapping[str, Any], retry_after: str | None) -> None:
        self.code = _OF_REASON.get(fields["code"]) or _OF_STATUS.get(status, _INTERNAL)
        self._fields = fields
        self._retry_after = retry_after

    def connect_body(self) -> str:
        details = [
            {
                "type": detail.DESCRIPTOR.full_name,
                "value": _in_base64(detail),
                "debug": MessageToDict(detail),
            }
            for detail in self._details(self._violations())
        ]
        body = {"code": self.code.name, "message": self._fields["message"], "details": details}
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"))

    def grpc_headers(self) -> dict[str, str]:
        return {
            "Grpc-Status": str(self.code.number),
            "Grpc-Message": quote(self._fields["message"], safe=" !#$&'()*+,-./:;<=>?@[]^_`{|}~"),
            "Grpc-Status-Details-Bin": _in_base64(self._bounded_status()),
            "Grpc-Accept-Encoding": "gzip",
        }

    def _bounded_status(self) -> Status:
        """Return the error with as many violations as the headers may hold."""
        violations = self._violations()
        while True:
            details = [pack(it) for it in self._details(violations)]
            status = Status(code=self.code.number, message=self._fields["message"], details=details)
            if status.ByteSize() <= _MAX_DETAIL_BYTES or not violations:
                return status
            violations = violations[: len(violations) // 2]

    def _details(self, violations: list[BadRequest.FieldViolation]) -> Iterator[Message]:
        """Yield one detail of each type, as AIP-193 requires."""
        yield ErrorInfo(reason=self._fields["code"], domain="shop")
        yield RequestInfo(request_id=self._fields["requestId"])
        if violations:
            yield BadRequest(field_violations=violations)
        if self._retry_after is not None:
            yield RetryInfo(retry_delay=Duration(seconds=int(self._retry_after)))

    def _violations(self) -> list[BadRequest.FieldViolation]:
        return [
            BadRequest.FieldViolation(
                field=_field_of(detail["field"]),
                reason=detail["code"].upper(),
                description=detail["message"],
            )
            for detail in self._fields.get("details", [])
        ]


def _field_of(path: str) -> str:
    """Return the field in the message: `items[0].product_id` for `body.items.0.productId`."""
    return to_snake(_INDEX.sub(r"[\1]", path.partition(".")[2]))


def _in_base64(message: Message) -> str:
    return b64encode(message.SerializeToString()).rstrip(b"=").decode()
