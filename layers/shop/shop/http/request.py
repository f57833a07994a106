"""Requests: API Gateway's proxy events, parsed strictly."""

import json
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any  # the event and the bodies are JSON

from shop.caller import Caller, Client
from shop.errors import (
    BadRequest,
    Detail,
    PayloadTooLarge,
    Unauthorized,
    UnsupportedMediaType,
)
from shop.http.audit_entry import AuditEntry
from shop.identifiers import with_canonical_ids
from shop.preconditions import Precondition

MAX_BODY_BYTES = 1024 * 1024
MAX_BODY_DEPTH = 32  # objects and arrays within each other
MAX_NAMES = 200  # in an object; reporting 100,000 unknown fields would take half a second
# Strings, commas and opening brackets in a body: an order of 50 lines, the largest that any schema
# accepts, has about 300. Parsing and rejecting a body full of them takes over half a second of CPU.
MAX_TOKENS = 5000
_JSON_TYPES = {"application/json"}
_PATCH_TYPES = {"application/json", "application/merge-patch+json"}
_UTF_8 = {"utf-8", "utf8"}
# Parameters of a media type (RFC 9110, 5.6.6), read leniently: name, quoted value, plain value.
_PARAMETER = re.compile(r""";[ \t]*([^;="\s]*)[ \t]*(?:=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;"]*)))?""")
_SLASHES = re.compile(r"[/\\]+")  # browsers read a backslash as a slash
# A string without its last quote is the rest of the body, so that a search takes linear time.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{,]', re.DOTALL)
UNKNOWN_PARAMETER = "Unknown query parameter."
IDEMPOTENCY_KEY_PATTERN = r"[\x21-\x7e]{1,255}"
_ENTITY_TAG = r'(W/)?"[\x21\x23-\x7e]*"'
# A list may have empty elements, which are ignored (RFC 9110, 5.6.1.2).
ENTITY_TAGS_PATTERN = rf"\*|[\s,]*{_ENTITY_TAG}(\s*,[\s,]*{_ENTITY_TAG})*[\s,]*"
# `gzip` with any weight but zero (RFC 9110, 12.5.3).
_GZIP = re.compile(r"(^|[\s,])gzip\s*(;\s*q=(1|0?\.\d*[1-9])[^,]*)?(,|$)", re.IGNORECASE)
_IDEMPOTENCY_KEY = re.compile(IDEMPOTENCY_KEY_PATTERN)
_ENTITY_TAGS = re.compile(ENTITY_TAGS_PATTERN)


class Request:
    """One request, and the arguments of the handler that are bound so far."""

    face = "rest"  # the protocol, in log lines

    def __init__(self, event: Mapping[str, Any]) -> None:
        self.event = event
        self.arguments: dict[str, object] = {}
        self.log_fields: dict[str, Any] = {}  # of a protocol other than REST
        self.audit_entry: AuditEntry | None = None  # of an action other than the route

    @property
    def id(self) -> str:
        return str(self.event["requestContext"]["requestId"])

    @property
    def method(self) -> str:
        return str(self.event["httpMethod"])

    @property
    def path(self) -> str:
        """The path that links start with: as sent, with the stage or base path.

        Several slashes become one, or a browser would read `//api` as a host. Ids are in lower
        case, as in bodies.
        """
        path = _SLASHES.sub("/", str(self.event["requestContext"]["path"]))
        return with_canonical_ids(path)

    @property
    def path_parameters(self) -> Mapping[str, str]:
        return self.event.get("pathParameters") or {}

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """Values by name in lower case; different lines of a name are combined (RFC 9110, 5.2).

        The combined value of a header that is not a list fails the check of that header.
        """
        lines: dict[str, list[str]] = {}
        for name, texts in self._lines.items():
            lines.setdefault(name.lower(), []).extend(texts)
        return {
            name: texts[0] if len(texts) == 1 else ", ".join(dict.fromkeys(texts))
            for name, texts in lines.items()
        }

    @property
    def _lines(self) -> Mapping[str, Sequence[str]]:
        """API Gateway sends all lines of a name; the pre-traffic check sends one."""
        single = self.event.get("headers") or {}
        return self.event.get("multiValueHeaders") or {n: [text] for n, text in single.items()}

    @cached_property
    def query(self) -> Mapping[str, str]:
        """The parameters that occur once; `repeated` has the others."""
        return {name: values[0] for name, values in self._parameters.items() if len(values) == 1}

    @property
    def repeated(self) -> Sequence[Detail]:
        """Details of the query parameters that occur more than once, which is ambiguous."""
        return [
            Detail(f"query.{name[:100]}", "repeated", "Must be given once.")
            for name, values in self._parameters.items()
            if len(values) != 1
        ]

    @property
    def unknown_parameters(self) -> Sequence[Detail]:
        """Details of all query parameters, for an endpoint that takes none."""
        unknown = [
            Detail(f"query.{name}"[:200], "extra_forbidden", UNKNOWN_PARAMETER)
            for name in self.query
        ]
        return [*self.repeated, *unknown]

    @property
    def _parameters(self) -> Mapping[str, Sequence[str]]:
        return self.event.get("multiValueQueryStringParameters") or {}

    @property
    def client(self) -> Client:
        identity = self.event["requestContext"]["identity"]
        return Client((identity.get("userAgent") or "")[:256], identity.get("sourceIp") or "")

    @property
    def authorized(self) -> Mapping[str, str]:
        """The authorizer's context; empty on a route without an authorizer."""
        return self.event["requestContext"].get("authorizer") or {}

    @cached_property
    def caller(self) -> Caller | None:
        """The authenticated caller; None on a route without an authorizer."""
        if not self.authorized:
            return None
        try:
            return Caller.from_authorizer(self.authorized)
        except (KeyError, ValueError):
            raise Unauthorized from None

    @property
    def known_caller(self) -> Caller | None:
        """The caller, or None if there is none or the context is malformed."""
        try:
            return self.caller
        except Unauthorized:
            return None

    @property
    def idempotency_key(self) -> str | None:
        key = self.headers.get("idempotency-key")
        if key is not None and _IDEMPOTENCY_KEY.fullmatch(key) is None:
            raise BadRequest("Idempotency-Key must be 1 to 255 visible ASCII characters.")
        return key

    def none_match(self, entity_tag: str) -> bool:
        """Return whether `If-None-Match` matches another entity tag only (RFC 9110, 13.1.2)."""
        tags = self._entity_tags("If-None-Match")
        return tags is None or (
            tags != ["*"] and entity_tag not in [tag.removeprefix("W/") for tag in tags]
        )

    @property
    def precondition(self) -> Precondition:
        """The condition in `If-Match`; a weak entity tag matches nothing."""
        tags = self._entity_tags("If-Match")
        return Precondition(None if tags in (None, ["*"]) else frozenset(tags or ()))

    def _entity_tags(self, header: str) -> list[str] | None:
        """Return `*` alone or the entity tags as sent; None without the header."""
        text = self.condition(header)
        if text is None:
            return None
        if _ENTITY_TAGS.fullmatch(text) is None:
            raise BadRequest(f"{header} must be * or a list of entity tags.")
        return ["*"] if text == "*" else re.findall(r'(?:W/)?"[^"]*"', text)

    def condition(self, header: str) -> str | None:
        """Return the text of `If-Match` or `If-None-Match`, or None."""
        return self.headers.get(header.lower())

    @property
    def accepts_gzip(self) -> bool:
        """True to compress: only with an `Accept` header, or API Gateway returns raw base64."""
        encodings = self.headers.get("accept-encoding", "")
        return "accept" in self.headers and _GZIP.search(encodings) is not None

    def raw_body(self, max_bytes: int = MAX_BODY_BYTES) -> bytes:
        """Return the body as sent; raise `PayloadTooLarge`."""
        text = self.event.get("body") or ""
        if len(text) > max_bytes * 4 // 3 + 4:
            raise PayloadTooLarge
        body = b64decode(text) if self.event.get("isBase64Encoded") else text.encode()
        if len(body) > max_bytes:
            raise PayloadTooLarge
        return body

    def json(self) -> bytes:
        """Return the body; raise `UnsupportedMediaType`, `PayloadTooLarge` or `BadRequest`."""
        self._check_media_type(has_body=bool(self.event.get("body")))
        body = self.raw_body()
        parse_json(body)
        return body

    def admit(self) -> None:
        """Raise the errors of a protocol other than REST, before any part is read."""

    def to_gateway(self, response: dict[str, Any]) -> dict[str, Any]:
        """Return the proxy response in the protocol of the request."""
        return response

    def _check_media_type(self, has_body: bool) -> None:
        """Raise `UnsupportedMediaType`; ignore parameters except the charset (RFC 8259, 11)."""
        if self.headers.get("content-encoding"):
            raise UnsupportedMediaType("The body must be sent without a Content-Encoding.")
        content_type = self.headers.get("content-type", "")
        if not content_type and not has_body:
            return
        media_type, separator, parameters = content_type.partition(";")
        expected = _PATCH_TYPES if self.method == "PATCH" else _JSON_TYPES
        if media_type.strip().lower() not in expected:
            raise UnsupportedMediaType
        check_charset(separator + parameters)


def check_charset(parameters: str) -> None:
    """Raise `UnsupportedMediaType` for parameters of a media type with a charset but UTF-8."""
    for name, quoted, plain in _PARAMETER.findall(parameters):
        charset = (quoted or plain).strip().lower()
        if name.lower() == "charset" and charset not in _UTF_8:
            raise UnsupportedMediaType("The charset of the body must be UTF-8.")


def parse_json(body: bytes) -> Any:
    """Return the value of JSON that every parser reads the same way.

    Raise `BadRequest` for malformed JSON, NaN, infinities, duplicate names, more than 200 names in
    an object, invalid Unicode, nesting deeper than 32 levels and more values than schemas accept.
    """
    if _has_more_tokens(body, MAX_TOKENS):
        raise BadRequest("The body has too many values.")
    try:
        value = _DECODER.decode(body.decode())
        if b"\\u" in body:  # Half a surrogate pair has no UTF-8, so no error could quote it.
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise BadRequest("The body is not valid JSON.") from None
    # The count is an upper bound of the depth, and cheap.
    if body.count(b"{") + body.count(b"[") > MAX_BODY_DEPTH and _is_deeper(value, MAX_BODY_DEPTH):
        raise BadRequest(f"The body is nested deeper than {MAX_BODY_DEPTH} levels.")
    return value


def _has_more_tokens(body: bytes, limit: int) -> bool:
    """Return whether a body has more strings, commas and opening brackets, without parsing it."""
    if sum(map(body.count, (b'"', b",", b"{", b"["))) <= limit:
        return False  # the fast path of ordinary bodies, however long their texts are
    return next(islice(_TOKEN.finditer(body), limit, None), None) is not None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_NAMES:
        raise BadRequest(f"An object in the body has more than {MAX_NAMES} names.")
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("duplicate name")
    return value


def _reject_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_reject_constant)


def _is_deeper(value: Any, levels: int) -> bool:
    row = [value]
    for _ in range(levels):
        row = [inner for outer in row for inner in _inside(outer)]
    return any(isinstance(value, dict | list) for value in row)


def _inside(value: Any) -> Iterable[Any]:
    """Return the values in a container; none in a scalar."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
