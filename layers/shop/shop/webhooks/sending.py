"""One POST to a server of somebody else: to allowed addresses only, and within a deadline.

http.client follows no redirects, uses no proxies, decompresses nothing, and limits lines and
headers. Libraries above it look the name up again when they connect, and overrun their timeout if
the response drips. All of them read a status line that was cut off as 200.
"""

import io
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any  # the arguments of HTTPResponse

from shop.redaction import SanitizedError
from shop.webhooks.models import Failure, Outcome
from shop.webhooks.targets import Target

CONNECT_SECONDS = 3.0
MAX_BODY = 4096  # bytes that are read of a response
MAX_EXCERPT = 256  # characters that are kept of it
_MIN_SECONDS = 0.01  # of a socket's timeout: zero would make it non-blocking
_MAX_DIGITS = 9  # of Retry-After
_STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] ([1-9][0-9]{2})[ \r\n]")

type Resolve = Callable[[str, int], Sequence[str]]
type IsAllowed = Callable[[str], bool]


class _AddressNotAllowed(OSError):
    pass


def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host, IPv4 first: a function without a VPC has no IPv6."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    found.sort(key=lambda it: it[0] != socket.AF_INET)
    return list(dict.fromkeys(str(it[4][0]) for it in found))


def resolve_number(host: str, port: int) -> Sequence[str]:
    """Return the address that the host is, without a look-up: the rule of local stacks."""
    return [str(socket.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST)[0][4][0])]


@cache
def tls_context() -> ssl.SSLContext:
    """Return a context with the public roots of the runtime.

    Not with botocore's file: its copy in the layer has Amazon's roots only. Without any root, all
    receivers would seem to have invalid certificates, so raise.
    """
    context = ssl.create_default_context()
    if not context.get_ca_certs():
        raise SanitizedError("the runtime has no root certificates")
    return context


class Sender:
    """Sends requests to the allowed addresses of a host, which is looked up once for each."""

    def __init__(
        self,
        is_allowed: IsAllowed,
        tls: Callable[[], ssl.SSLContext] = tls_context,
        look_up: Resolve = resolve,
    ) -> None:
        self._is_allowed = is_allowed
        self._tls = tls
        self._look_up = look_up

    def post(
        self, target: Target, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> Outcome:
        """Send the request; raise nothing for any behaviour of the server.

        Ends within `seconds`, except for the look-up, which the resolver's own timeout bounds.
        """
        tls = self._tls() if target.is_tls else None
        started = time.monotonic()
        connection = _Connection(target, tls, self._look_up, self._is_allowed, started + seconds)
        all_headers = {**headers, "Accept-Encoding": "identity", "Connection": "close"}
        status, retry_after, text = None, None, b""
        failure: Failure | None = None
        watchdog = threading.Timer(seconds, connection.interrupt)
        watchdog.daemon = True
        watchdog.start()
        try:
            connection.request("POST", target.path, body, all_headers)
            with connection.getresponse() as response:
                status = response.status
                milliseconds = _milliseconds_since(started)
                retry_after = _seconds_of(response.getheader("Retry-After"), time.time())
                # The status counts, also if the body is cut off.
                with suppress(OSError, HTTPException, ValueError):
                    text = response.read(MAX_BODY)
        except (OSError, HTTPException, ValueError) as error:
            milliseconds = _milliseconds_since(started)
            failure = Failure.TIMEOUT if connection.is_interrupted else _failure_of(error)
        finally:
            watchdog.cancel()
            connection.close()
        if failure is not None:
            return Outcome(failure, None, milliseconds)
        if status is not None and 200 <= status <= 299:
            return Outcome(None, status, milliseconds)
        return Outcome(Failure.STATUS, status, milliseconds, retry_after, _excerpt(text))


class _Connection(HTTPConnection):
    """Looks the host up once, and connects to its addresses if all of them are allowed."""

    def __init__(
        self,
        target: Target,
        tls: ssl.SSLContext | None,
        look_up: Resolve,
        is_allowed: IsAllowed,
        ends_at: float,
    ) -> None:
        super().__init__(target.host, target.port)
        self.default_port = 443 if target.is_tls else 80  # which the Host header omits
        self.response_class = _StrictResponse
        self.is_interrupted = False
        self._tls = tls
        self._look_up = look_up
        self._is_allowed = is_allowed
        self._ends_at = ends_at
        # `sock` is None as soon as the headers are read, unless the server keeps the connection.
        self._opened: socket.socket | None = None

    def connect(self) -> None:
        addresses = self._look_up(self.host, self.port)
        if not addresses:
            raise socket.gaierror("no address")
        # One address that is not allowed rejects the host: which one would be used is chance.
        if not all(map(self._is_allowed, addresses)):
            raise _AddressNotAllowed
        plain = self._connect_to_any(addresses)
        plain.settimeout(self._remaining())
        if self._tls is None:
            self.sock = self._opened = plain
        else:
            # Assigned before the handshake, so that `interrupt` can end it.
            self.sock = self._opened = tls = self._tls.wrap_socket(
                plain, server_hostname=self.host, do_handshake_on_connect=False
            )
            tls.do_handshake()
        # An interruption before the assignment had no socket to shut down.
        if time.monotonic() >= self._ends_at:
            raise TimeoutError

    def interrupt(self) -> None:
        """End the exchange. A timeout of a socket restarts with each byte; this one does not."""
        self.is_interrupted = True
        if self._opened is not None:
            with suppress(OSError):
                # Not the method of SSLSocket, which would make later reads return ciphertext.
                socket.socket.shutdown(self._opened, socket.SHUT_RDWR)

    def _connect_to_any(self, addresses: Sequence[str]) -> socket.socket:
        error = OSError()
        for address in addresses:
            if time.monotonic() >= self._ends_at:
                raise TimeoutError
            try:
                return self._connect_to(address)
            except OSError as failed:
                error = failed
        raise error

    def _connect_to(self, address: str) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_STREAM)
        try:
            opened.settimeout(min(CONNECT_SECONDS, self._remaining()))
            opened.connect((address, self.port))
            if not self._is_allowed(opened.getpeername()[0]):
                raise _AddressNotAllowed
        except BaseException:
            opened.close()
            raise
        return opened

    def _remaining(self) -> float:
        return max(_MIN_SECONDS, self._ends_at - time.monotonic())


class _StrictLines(io.BufferedReader):
    """A reader that rejects a malformed status line, and a line without its end.

    http.client takes the end of the stream for the end of the headers, so it reads a response that
    was cut off, by the server or by us, as a complete one. Of the responses before the final one
    (RFC 9110, 15.2), it skips those with status 100 only.
    """

    _has_status = False

    def readline(self, size: int | None = -1, /) -> bytes:
        line = self._whole_line(size)
        while not self._has_status:
            match = _STATUS_LINE.match(line)
            if match is None:
                raise HTTPException("malformed status line")
            self._has_status = not match[1].startswith(b"1") or match[1] == b"101"
            if not self._has_status:
                while self._whole_line(size).strip():  # its headers
                    pass
                line = self._whole_line(size)
        return line

    def _whole_line(self, size: int | None) -> bytes:
        line = super().readline(size)
        if not line.endswith(b"\n"):
            raise HTTPException("line without end")
        return line


class _StrictResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **named: Any) -> None:
        super().__init__(sock, *args, **named)
        self.fp.close()
        self.fp = _StrictLines(sock.makefile("rb", buffering=0))


def _failure_of(error: Exception) -> Failure:
    match error:
        case _AddressNotAllowed():
            return Failure.ADDRESS
        case socket.gaierror():
            return Failure.DNS
        case TimeoutError():
            return Failure.TIMEOUT
        case ssl.SSLError():
            return Failure.TLS
        case OSError():
            return Failure.CONNECT
    # HTTPException, or ValueError: no valid HTTP; also a name with invalid labels
    return Failure.PROTOCOL


def _milliseconds_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _excerpt(text: bytes) -> str:
    decoded = text.decode("utf-8", "replace")
    return "".join(it if it.isprintable() else " " for it in decoded)[:MAX_EXCERPT].strip()


def _seconds_of(header: str | None, now: float) -> int | None:
    """Parse Retry-After (RFC 9110, 10.2.3): seconds or a date. Return None for other text."""
    if header is None:
        return None
    if header.isascii() and header.isdigit():
        return int(header[:_MAX_DIGITS])
    try:
        return max(0, round(parsedate_to_datetime(header).timestamp() - now))
    except (ValueError, TypeError, OverflowError):
        return None
