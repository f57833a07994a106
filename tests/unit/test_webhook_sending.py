"""The sender of webhooks reaches public addresses only, and ends in time.

`is_internet` stands for `is_public`, with 127.0.0.1 as the Internet: nothing leaves this machine.
"""

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from http.client import HTTPConnection
from itertools import product

import pytest
import trustme

from shop.redaction import SanitizedError
from shop.webhooks.addresses import is_loopback, is_public
from shop.webhooks.models import Failure, Outcome
from shop.webhooks.sending import Sender, resolve, tls_context
from shop.webhooks.targets import Target
from tests.support.loopback_only import loopback_only
from tests.support.misbehaving_server import Server, Talk, drips, floods, is_silent, says
from tests.support.waiting import eventually

__all__ = ["loopback_only"]
pytestmark = pytest.mark.usefixtures("loopback_only")

AUTHORITY, OTHER_AUTHORITY = trustme.CA(), trustme.CA()
NAME = "hooks.example.com"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BODY = b'{"a":1}'
# A bound for a deadline of 3 s at most: the servers would take 80 s and more.
LATE = 40.0

type Serve = Callable[..., Server]


def server_context(*names: str, authority: trustme.CA = AUTHORITY) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or (NAME,))).configure_cert(context)
    return context


def client_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


CLIENT = client_context()


class Names:
    """A resolver that gives its answers in turn, and the last one from then on."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.look_ups = 0

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.look_ups += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def is_internet(address: str) -> bool:
    return address == "127.0.0.1"


@pytest.fixture
def serve() -> Iterator[Serve]:
    running: list[Server] = []

    def start(
        talk: Talk,
        is_tls: bool = True,
        context: ssl.SSLContext | None = None,
        before_tls: Talk | None = None,
        host: str = "127.0.0.1",
    ) -> Server:
        if is_tls and context is None:
            context = server_context()
        running.append(Server(talk, context, before_tls, host))
        return running[-1]

    yield start
    for server in running:
        server.close()


def post(
    port: int,
    names: Names | None = None,
    is_allowed: Callable[[str], bool] = is_internet,
    seconds: float = 30.0,
    host: str = NAME,
    path: str = "/in?x=1",
    headers: Mapping[str, str] | None = None,
) -> Outcome:
    sender = Sender(is_allowed, lambda: CLIENT, names or Names(["127.0.0.1"]))
    target = Target(is_tls=True, host=host, port=port, path=path)
    return sender.post(
        target, {"Content-Type": "application/json", **(headers or {})}, BODY, seconds
    )


def timed(work: Callable[[], Outcome]) -> tuple[Outcome, float]:
    started = time.monotonic()
    return work(), time.monotonic() - started


def response(status: int, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status} X", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


# The request and the outcome


def test_request_has_the_target_and_the_body(serve: Serve) -> None:
    server = serve(says(OK))

    outcome = post(server.port)

    assert (outcome.failure, outcome.status, outcome.excerpt) == (None, 200, "")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /in?x=1 HTTP/1.1"
    assert b"Host: hooks.example.com:%d" % server.port in lines
    assert b"Content-Type: application/json" in lines
    assert b"Accept-Encoding: identity" in lines
    assert body == BODY
    assert server.names == [NAME]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 205, 299])
def test_status_is_a_success(serve: Serve, status: int) -> None:
    outcome = post(serve(says(response(status))).port)

    assert (outcome.failure, outcome.status) == (None, status)


@pytest.mark.parametrize(
    "status", [300, 301, 302, 303, 307, 308, 400, 401, 404, 409, 410, 429, 500, 503, 599]
)
def test_status_is_a_failure_with_an_excerpt(serve: Serve, status: int) -> None:
    outcome = post(serve(says(response(status, body=b"no\x00"))).port)

    assert (outcome.failure, outcome.status, outcome.excerpt) == (Failure.STATUS, status, "no")


def test_excerpt_is_bounded_and_printable(serve: Serve) -> None:
    body = ("ü\x1b[31m\r\n\u202e" + "x" * 8000).encode() + b"\xff"

    outcome = post(serve(says(response(500, body=body))).port)

    assert outcome.excerpt == ("ü [31m   " + "x" * 256)[:256]


def test_redirects_are_not_followed(serve: Serve) -> None:
    inner = serve(says(OK), is_tls=False)
    locations = [
        *(f"http://127.0.0.1:{inner.port}/", f"https://127.0.0.1:{inner.port}/"),
        "http://169.254.169.254/latest/meta-data/",
    ]
    for location in locations:
        for status in (301, 302, 303, 307, 308):
            server = serve(says(response(status, f"Location: {location}")))

            assert post(server.port).failure is Failure.STATUS
    assert inner.connections == 0


def test_proxies_of_the_environment_are_not_used(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(says(OK), is_tls=False)
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")

    assert post(serve(says(OK)).port).status == 200
    assert proxy.connections == 0


@pytest.mark.parametrize(
    ("header", "path"),
    [("a\r\nX: y", "/"), ("a\nX: y", "/"), ("a", "/a\r\nX: y"), ("a", "/a b"), ("a", "/\x00")],
)
def test_requests_cannot_be_split(serve: Serve, header: str, path: str) -> None:
    server = serve(says(OK))

    outcome = post(server.port, headers={"webhook-id": header}, path=path)

    assert outcome.failure is Failure.PROTOCOL
    assert not server.requests


# Addresses


@pytest.mark.parametrize(
    "addresses",
    [
        *(["127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["169.254.169.254"], ["10.0.0.1"]),
        *(["fd00:ec2::254"], ["127.0.0.1", "10.0.0.1"], ["fe80::1%eth0"], ["0.0.0.0"]),
    ],
    ids=str,
)
def test_host_with_an_internal_address_is_not_connected_to(
    serve: Serve, addresses: list[str]
) -> None:
    server = serve(says(OK))

    assert post(server.port, Names(addresses), is_public).failure is Failure.ADDRESS
    assert server.connections == 0


def test_host_with_one_address_that_is_not_allowed_is_rejected(serve: Serve) -> None:
    server = serve(says(OK))
    for addresses in (["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"]):
        assert post(server.port, Names(addresses)).failure is Failure.ADDRESS
    assert server.connections == 0


def test_rebinding_finds_no_second_look_up(serve: Serve) -> None:
    outside, inside = serve(says(OK)), serve(says(OK), host="127.0.0.2")
    names = Names(["127.0.0.1"], ["127.0.0.2"])

    assert post(outside.port, names).status == 200
    assert names.look_ups == 1
    assert post(outside.port, names).failure is Failure.ADDRESS
    assert inside.connections == 0


def test_address_of_the_peer_is_checked_after_connecting(serve: Serve) -> None:
    server = serve(says(OK))
    answers = iter([True, False])

    assert post(server.port, is_allowed=lambda _: next(answers)).failure is Failure.ADDRESS
    assert not server.requests


def test_local_stack_connects_to_one_address(serve: Serve) -> None:
    server, other = serve(says(OK)), serve(says(OK), host="127.0.0.2")

    assert post(server.port, is_allowed=is_loopback).status == 200
    for address in ("127.0.0.2", "::1", "169.254.169.254", "8.8.8.8"):
        outcome = post(other.port, Names([address]), is_loopback)
        assert outcome.failure is Failure.ADDRESS
    assert other.connections == 0


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "localhost"])
def test_resolver_shows_what_numbers_lead_to(host: str) -> None:
    addresses = resolve(host, 443)

    assert addresses
    assert not any(map(is_public, addresses))


def test_resolver_lists_ipv4_first(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET6, ("2606:4700::1", 443)), (socket.AF_INET, ("1.1.1.1", 443))]
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **__: [(f, 1, 6, "", a) for f, a in 2 * found]
    )

    assert resolve(NAME, 443) == ["1.1.1.1", "2606:4700::1"]


def test_next_address_is_tried(serve: Serve) -> None:
    server = serve(says(OK))
    names = Names(["127.0.0.3", "127.0.0.1"])

    outcome = post(server.port, names, lambda it: it.startswith("127.0.0."))

    assert outcome.status == 200


def test_host_without_an_address_fails() -> None:
    def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(-2, "Name or service not known")

    sender = Sender(is_internet, lambda: CLIENT, unknown)
    assert sender.post(Target(True, NAME, 443, "/"), {}, b"", 1).failure is Failure.DNS
    assert post(1, Names([])).failure is Failure.DNS


def test_closed_port_fails() -> None:
    assert post(1).failure is Failure.CONNECT


# TLS


@pytest.mark.parametrize(
    "context",
    [
        lambda: server_context("other.example.com"),
        lambda: server_context("127.0.0.1"),
        lambda: server_context(authority=OTHER_AUTHORITY),
    ],
    ids=["another name", "the address", "another authority"],
)
def test_invalid_certificate_receives_nothing(
    serve: Serve, context: Callable[[], ssl.SSLContext]
) -> None:
    server = serve(says(OK), context=context())

    assert post(server.port).failure is Failure.TLS
    assert not server.requests


def test_plain_http_on_the_port_receives_nothing(serve: Serve) -> None:
    server = serve(says(OK), is_tls=False, before_tls=says(response(400)))

    assert post(server.port).failure is Failure.TLS
    assert BODY not in b"".join(server.requests)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_tls_is_rejected(serve: Serve) -> None:
    context = server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")

    assert post(serve(says(OK), context=context).port).failure is Failure.TLS


def test_public_roots_come_from_the_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    tls_context.cache_clear()
    context = tls_context()
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert len(context.get_ca_certs()) > 20

    tls_context.cache_clear()
    empty = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    monkeypatch.setattr("ssl.create_default_context", lambda: empty)
    with pytest.raises(SanitizedError):
        tls_context()


# Time

ENDLESS: dict[str, Talk] = {
    "silence": is_silent,
    "dripping status line": drips(b"H", b"T"),
    "dripping headers": drips(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
    "dripping header line": drips(b"HTTP/1.1 200 OK\r\nX: ", b"a", 0.005, 16_000),
    "flood of 100 Continue": floods(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "dripping 100 Continue": drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.05, 1600),
}


def test_exchanges_end_at_their_deadlines(serve: Serve) -> None:
    ports = [serve(talk).port for talk in ENDLESS.values()]

    with ThreadPoolExecutor(len(ports)) as threads:
        outcomes = [*threads.map(lambda port: timed(lambda: post(port, seconds=1)), ports)]

    for kind, (outcome, took) in zip(ENDLESS, outcomes, strict=True):
        assert (outcome.failure, outcome.status) == (Failure.TIMEOUT, None), kind
        assert took < LATE, kind
        assert outcome.milliseconds >= 900, kind


def test_dripping_handshake_ends_at_the_deadline(serve: Serve) -> None:
    server = serve(says(OK), before_tls=drips(b"\x16\x03\x03\x40\x00", b"\x02"))

    outcome, took = timed(lambda: post(server.port, seconds=1))

    assert outcome.failure is Failure.TIMEOUT
    assert took < LATE


@pytest.mark.parametrize("addresses", [1, 2000])
def test_port_that_accepts_nothing_ends_at_the_deadline(addresses: int) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for it in waiting:
            it.setblocking(False)
            it.connect_ex(full.getsockname())

        names = Names(["127.0.0.1"] * addresses)
        outcome, took = timed(lambda: post(full.getsockname()[1], names, seconds=1))

        for it in waiting:
            it.close()
    assert outcome.failure is Failure.TIMEOUT
    assert took < LATE


def test_look_up_beyond_the_deadline_sends_nothing(serve: Serve) -> None:
    server = serve(drips(b"HTTP/1.1 200 OK\r\nX: ", b"a", 0.005, 16_000))
    names = Names(["127.0.0.1"])

    def slow(host: str, port: int) -> Sequence[str]:
        time.sleep(0.3)
        return names(host, port)

    target = Target(True, NAME, server.port, "/")
    sender = Sender(is_internet, lambda: CLIENT, slow)
    outcome, took = timed(lambda: sender.post(target, {}, BODY, 0.2))

    assert outcome.failure is Failure.TIMEOUT
    assert took < LATE
    assert not server.requests


ENDLESS_BODIES: dict[str, Talk] = {
    "drips": drips(b"Content-Length: 1000000\r\n\r\n", b"x"),
    # http.client closes the connection once it has these headers.
    "drips and closes": drips(b"Connection: close\r\nContent-Length: 4000\r\n\r\n", b"x"),
    "drips without length": drips(b"\r\n", b"x"),
    "floods": floods(b"Transfer-Encoding: chunked\r\n\r\n", b"ffff\r\n" + b"x" * 65535 + b"\r\n"),
}


@pytest.mark.parametrize("body", ENDLESS_BODIES)
def test_status_counts_if_the_body_never_ends(serve: Serve, body: str) -> None:
    def begins(version: bytes, status: int) -> Talk:
        def talk(connection: socket.socket) -> None:
            connection.sendall(b"HTTP/%s %d X\r\n" % (version, status))
            ENDLESS_BODIES[body](connection)

        return talk

    heads = [*product((b"1.0", b"1.1"), (200, 500))]
    ports = [serve(begins(*head)).port for head in heads]

    with ThreadPoolExecutor(len(ports)) as threads:
        outcomes = [*threads.map(lambda port: timed(lambda: post(port, seconds=3)), ports)]

    for (_, status), (outcome, took) in zip(heads, outcomes, strict=True):
        failure = None if status == 200 else Failure.STATUS
        assert (outcome.failure, outcome.status) == (failure, status)
        assert len(outcome.excerpt) <= 256
        assert outcome.milliseconds < 3000
        assert took < LATE


def test_receiver_that_reads_nothing_ends_at_the_deadline(serve: Serve) -> None:
    def handshake_only(connection: socket.socket) -> None:
        tls = server_context().wrap_socket(connection, server_side=True)
        stop.wait()
        tls.close()

    stop = threading.Event()
    server = serve(says(OK), is_tls=False, before_tls=handshake_only)
    target = Target(True, NAME, server.port, "/")
    sender = Sender(is_internet, lambda: CLIENT, Names(["127.0.0.1"]))

    outcome, took = timed(lambda: sender.post(target, {}, b"x" * 50_000_000, 1))

    stop.set()
    assert outcome.failure is Failure.TIMEOUT
    assert took < LATE


def test_slow_receivers_do_not_delay_others(serve: Serve) -> None:
    slow, fast = serve(is_silent), serve(says(OK))

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(
            threads.map(
                lambda n: timed(lambda: post((fast, slow)[n % 2].port, seconds=5)), range(8)
            )
        )

    assert [it.status for it, _ in outcomes[::2]] == [200] * 4
    assert [it.failure for it, _ in outcomes[1::2]] == [Failure.TIMEOUT] * 4
    assert max(took for _, took in outcomes[::2]) < min(took for _, took in outcomes[1::2])


def test_no_timer_and_no_socket_remains(serve: Serve) -> None:
    closed = threading.Event()

    def reads_the_end(connection: socket.socket) -> None:
        connection.sendall(OK)
        while connection.recv(100):
            pass
        closed.set()

    assert post(serve(reads_the_end).port).status == 200

    assert closed.wait(LATE)
    assert eventually(
        lambda: not [it for it in threading.enumerate() if isinstance(it, threading.Timer)]
    )


# Responses

MALFORMED = {
    "other protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/0.9": b"<html>hello",
    "nothing": b"",
    "letters for a status": b"HTTP/1.1 abc OK\r\n\r\n",
    "status of five digits": b"HTTP/1.1 20000 OK\r\n\r\n",
    "status below 100": b"HTTP/1.1 099 OK\r\n\r\n",
    "status with underscores": b"HTTP/1.1 2_0_0 OK\r\n\r\n",
    "no response after an interim one": b"HTTP/1.1 103 Early Hints\r\n\r\n",
    "cut off in an interim response": b"HTTP/1.1 103 Early Hints\r\nLink: a",
    "long line": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 200 + b"\r\n",
    "cut off in the status line": b"HTTP/1.1 200",
    "cut off after the status line": b"HTTP/1.1 200 OK\r\n",
    "cut off in a header": b"HTTP/1.1 200 OK\r\nContent-Le",
    "cut off before the empty line": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
    "bytes": bytes(range(256)) * 8,
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_response_is_a_failure(serve: Serve, kind: str) -> None:
    outcome = post(serve(says(MALFORMED[kind])).port)

    assert (outcome.failure, outcome.status) == (Failure.PROTOCOL, None)


@pytest.mark.parametrize(
    "headers",
    [
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"Content-Length: -5\r\n\r\nabc",
        b"Content-Length: 99999999999999999999\r\n\r\nabc",
        b"A\x00: b\r\n\r\n",
        b"\xff\xfe: b\r\nRetry-After: \xff\r\n\r\n",
    ],
    ids=["bad chunk", "negative length", "huge length", "NUL in headers", "bytes in headers"],
)
def test_status_counts_if_the_rest_is_malformed(serve: Serve, headers: bytes) -> None:
    outcome = post(serve(says(b"HTTP/1.1 500 X\r\n" + headers)).port)

    assert (outcome.failure, outcome.status) == (Failure.STATUS, 500)


@pytest.mark.parametrize("status", [100, 102, 103, 199])
def test_interim_responses_are_skipped(serve: Serve, status: int) -> None:
    interim = b"HTTP/1.1 %d X\r\nRetry-After: 9\r\n\r\n" % status

    outcome = post(serve(says(interim * 3 + response(503, body=b"busy"))).port)

    assert (outcome.status, outcome.excerpt, outcome.retry_after) == (503, "busy", None)


def test_change_of_protocol_is_final(serve: Serve) -> None:
    outcome = post(serve(says(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")).port)

    assert (outcome.failure, outcome.status) == (Failure.STATUS, 101)


def test_body_is_not_decompressed(serve: Serve) -> None:
    bomb = gzip.compress(b"x" * 50_000_000)

    outcome = post(serve(says(response(500, "Content-Encoding: gzip", body=bomb))).port)

    assert outcome.status == 500
    assert len(outcome.excerpt) <= 256


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        *(("120", 120), ("0", 0), ("-1", None), ("1.5", None), ("soon", None), ("", None)),
        *(("999999999999", 999999999), ("\uff11\uff12", None)),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_read(serve: Serve, header: str, seconds: int | None) -> None:
    assert post(serve(says(response(429, f"Retry-After: {header}"))).port).retry_after == seconds


def test_retry_after_may_be_a_date(serve: Serve) -> None:
    later = formatdate(time.time() + 600, usegmt=True)

    outcome = post(serve(says(response(503, f"Retry-After: {later}"))).port)

    assert outcome.retry_after is not None
    assert 500 < outcome.retry_after <= 600


# The guard of these tests


def test_guard_fails_connections_and_look_ups_beyond_loopback() -> None:
    with pytest.raises(pytest.fail.Exception):
        HTTPConnection("192.0.2.1").connect()
    with pytest.raises(pytest.fail.Exception):
        post(443, Names(["192.0.2.1"]), lambda _: True)
    with pytest.raises(pytest.fail.Exception):
        resolve("example.com", 443)
