"""Rules without I/O: build requests, read responses, decide whether to retry."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from math import inf
from typing import Generic, Protocol, TypeVar, cast
from urllib.parse import quote, urlencode, urlsplit
from uuid import UUID, uuid4

import httpx2
from pydantic import ValidationError

from shop_client._errors import NoAnswer, ShopClientError, ShopError
from shop_client._model import Model
from shop_client.models import Accepted, Error, Meta, OAuthError

FIRST_WAIT = 0.2  # seconds
# A retry after a committed attempt fails, and a wrong current password counts as a failed login.
SINGLE_USE = {
    "changePassword",
    "completeEmailVerification",
    "completePasswordReset",
    "confirmAuthenticator",
}
EDGE = r"[\s\u202a-\u202e\u2066-\u2069]+"

T_co = TypeVar("T_co", covariant=True)


class Empty(Model):
    """A response without content."""


class Page(Protocol[T_co]):
    """A page of a list."""

    @property
    def data(self) -> Sequence[T_co]: ...

    @property
    def meta(self) -> Meta: ...


@dataclass(frozen=True)
class Operation(Generic[T_co]):
    """An operation of the API."""

    id: str
    method: str
    path: str
    reply: type[T_co]
    form: bool = False
    """Whether the body is a form, as in OAuth."""
    has_key: bool = False
    """Whether an `Idempotency-Key` makes retries safe."""


@dataclass(frozen=True)
class Call(Generic[T_co]):
    """A request of an operation."""

    operation: Operation[T_co]
    path: str
    query: Mapping[str, str]
    headers: httpx2.Headers = field(repr=False)
    content: bytes | None = field(repr=False)
    is_repeatable: bool
    """Whether the request may be executed twice."""

    @property
    def name(self) -> str:
        """The request without its parameters, for messages: a path can contain a token."""
        return f"{self.operation.method} {self.operation.path}"


@dataclass(frozen=True)
class Answer(Generic[T_co]):
    """A successful response."""

    status: int
    headers: Mapping[str, str]
    _data: T_co | None

    @property
    def data(self) -> T_co:
        """The content; a 304 has none, and raises `ValueError`."""
        if self._data is None:
            raise ValueError(f"a {self.status} has no content")
        return self._data


@dataclass(frozen=True)
class Received:
    """A complete response, from whichever server."""

    status: int
    headers: httpx2.Headers
    content: bytes


class Lost(Exception):
    """No complete response; `headers` are those of a truncated one."""

    def __init__(self, headers: httpx2.Headers | None) -> None:
        super().__init__("no complete response")
        self.headers = headers


def checked_base_url(base_url: str) -> str:
    """Return the URL without a trailing slash; raise `ValueError` if paths cannot follow it."""
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("base_url must start with http:// or https:// and a host")
    if "@" in parts.netloc or "?" in base_url or "#" in base_url:
        raise ValueError("base_url must have no user, query or fragment")
    try:
        httpx2.URL(base_url)
    except httpx2.InvalidURL as error:
        raise ValueError(f"base_url is invalid: {error}") from None
    return base_url.rstrip("/")


def call(
    operation: Operation[T_co],
    *,
    path: Mapping[str, str] | None = None,
    query: Mapping[str, object] | None = None,
    body: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Call[T_co]:
    """Build a request; raise `ValueError` for an invalid path parameter.

    A request that creates an item has an idempotency key, a new one by default.
    """
    sent = httpx2.Headers(dict(headers or {}))
    if operation.has_key and "Idempotency-Key" not in sent:
        sent["Idempotency-Key"] = uuid4().hex
    content = None
    encoded = {_camel(name): _encoded(it) for name, it in (body or {}).items()}
    if body is not None and operation.form:
        sent["Content-Type"] = "application/x-www-form-urlencoded"
        content = urlencode({name: value for name, value in body.items() if value is not None})
    elif body is not None:
        sent["Content-Type"] = "application/json"
        content = json.dumps(encoded, ensure_ascii=False, allow_nan=False)
    return Call(
        operation,
        re.sub(r"{(\w+)}", lambda found: _segment(found[1], path or {}), operation.path),
        {_camel(name): _text(it) for name, it in (query or {}).items() if it is not None},
        sent,
        None if content is None else content.encode(),
        _is_repeatable(operation, sent, encoded),
    )


def repeatable(sent: Call[T_co]) -> Call[T_co]:
    """Return the same request, which may be executed twice."""
    return replace(sent, is_repeatable=True)


def _segment(name: str, path: Mapping[str, str]) -> str:
    value = path.get(name, "")
    if isinstance(value, UUID):
        value = str(value)
    # Another path would result, since clients and servers normalize dots.
    if value in ("", ".", ".."):
        raise ValueError(f"{name} must not be {value!r}")
    return quote(value, safe="")


def _is_repeatable(
    operation: Operation[object], headers: httpx2.Headers, body: Mapping[str, object]
) -> bool:
    match operation.method:
        case "POST":
            return operation.has_key
        case "PUT":
            return operation.id not in SINGLE_USE
        case "PATCH":
            # Setting a field twice has the same result; adding to the stock twice does not.
            return "If-Match" in headers or "stockDelta" not in body
        case _:
            return True


def _encoded(value: object) -> object:
    """Return a body with the API's names, and amounts as text with two decimals."""
    match value:
        case Mapping():
            fields = cast(Mapping[str, object], value)
            return {_camel(name): _encoded(it) for name, it in fields.items()}
        case str() | bytes():
            return value
        case Sequence():
            return [_encoded(it) for it in cast(Sequence[object], value)]
        case UUID():
            return str(value)
        case Decimal():
            text = f"{value:.2f}"
            # The API rejects an amount with more decimals.
            return text if Decimal(text) == value else f"{value:f}"
        case _:
            return value


def _camel(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), name)


def trimmed(note: str | None) -> str:
    """Return a note without blanks and direction marks around it, as the API stores it."""
    return re.sub(rf"^{EDGE}|{EDGE}$", "", note or "")


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def read(sent: Call[T_co], received: Received, may_be_done: bool) -> Answer[T_co]:
    """Return a successful response, or a 304.

    Raises: ShopError for an error response, NoAnswer for a response of another server.
    """
    retry_after = seconds_until(received.headers)
    try:
        if received.status == 304 and "If-None-Match" in sent.headers:
            return Answer(304, received.headers, None)
        if 200 <= received.status < 300:
            return Answer(received.status, received.headers, _content(sent.operation, received))
        rejection = _error(sent.operation, received)
    except ValueError as error:
        message = f"No answer of the shop to {sent.name}, but HTTP {received.status} of another"
        raise NoAnswer(f"{message} server", retry_after) from error
    rejection.retry_after = retry_after
    rejection.may_be_done = may_be_done or received.status >= 500
    raise rejection


def _content(operation: Operation[T_co], received: Received) -> T_co:
    if operation.reply is Empty:
        # Only the revocation of OAuth is a 200 (RFC 7009).
        if received.status != (200 if operation.form else 204):
            raise ValueError(f"unexpected {received.status}")
        return cast(T_co, Empty())
    # Accepted has no field by which to know it.
    if operation.reply is Accepted and received.status != 202:
        raise ValueError(f"unexpected {received.status}")
    reply = cast(type[Model], operation.reply)
    return cast(T_co, _parsed(reply, received.content))


def _parsed(model: type[Model], content: bytes) -> Model:
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        # The error itself has the content, which can be a token.
        first = error.errors()[0]
        raise ValueError(f"unexpected content: {first['loc']}: {first['msg']}") from None


def _error(operation: Operation[object], received: Received) -> ShopError:
    status, headers = received.status, received.headers
    if status < 400:
        raise ValueError(f"unexpected {status}")
    try:
        error = cast(Error, _parsed(Error, received.content)).error
    except ValueError:
        if not operation.path.startswith("/oauth/"):
            raise
        found = cast(OAuthError, _parsed(OAuthError, received.content))
        request_id = headers.get("X-Request-Id", "")
        return ShopError(found.error_description, found.error, status, request_id)
    return ShopError(error.message, error.code, status, error.request_id, error.details or ())


def lost(sent: Call[object], error: Lost) -> NoAnswer:
    """Return the error for a request without a complete response."""
    retry_after = seconds_until(error.headers) if error.headers is not None else None
    return NoAnswer(f"No answer of the shop to {sent.name}", retry_after)


@dataclass(frozen=True)
class Limits:
    """Limits of the attempts of a request, in seconds."""

    timeout: float
    attempts: int
    longest_wait: float


class Attempts:
    """The attempts of one request."""

    def __init__(self, limits: Limits, sent: Call[object], until: float, may_be_done: bool) -> None:
        self._limits = limits
        self._is_repeatable = sent.is_repeatable
        self._until = until
        self._done = 0
        self.may_be_done = may_be_done
        """Whether an earlier attempt may have been committed."""

    def wait_after(self, error: ShopClientError, now: float) -> float | None:
        """Return the seconds before the next attempt, or None without one."""
        self._done += 1
        code = error.code if isinstance(error, ShopError) else None
        is_lost = code in (None, "SERVICE_UNAVAILABLE")
        # An attempt with 429 committed nothing, so every request may be retried.
        can_retry = self._is_repeatable if is_lost else code == "TOO_MANY_REQUESTS"
        least = error.retry_after or 0.0
        # Full jitter on top of `Retry-After`, so clients do not retry at the same moment.
        most = min(self._limits.longest_wait, FIRST_WAIT * 2 ** min(self._done - 1, 30))
        wait = least + random.uniform(0, most)
        if not can_retry or self._done >= self._limits.attempts:
            return None
        if least > self._limits.longest_wait or now + wait > self._until:
            return None
        self.may_be_done = self.may_be_done or is_lost
        return wait


def seconds_until(headers: httpx2.Headers) -> float | None:
    """Return the seconds of `Retry-After`: a number or a date (RFC 9110, section 10.2.3)."""
    value = headers.get("Retry-After", "")
    if re.fullmatch("[0-9]+", value):
        return float(value) or None
    date = _date(value)
    if date is None:
        return None
    # By the clock of the server that wrote it, if its `Date` header is readable.
    now = _date(headers.get("Date", "")) or datetime.now(UTC)
    seconds = (date - now).total_seconds()
    return seconds if seconds > 0 else None


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    # The oldest format omits the time zone; HTTP dates are in GMT.
    return date if date.tzinfo else date.replace(tzinfo=UTC)


NEVER = inf  # the latest start of a request's last attempt, without a limit
