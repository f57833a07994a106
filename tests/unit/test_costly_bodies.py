"""Invalid bodies of any shape are rejected within 100 ms of CPU time."""

from collections.abc import Iterator
from typing import Any

import pytest

from shop.http.request import MAX_BODY_BYTES, MAX_TOKENS
from tests.support.cpu_time import measured
from tests.support.fixtures import ADMIN
from tests.support.gateway_events import Context, event
from tools.openapi.document import endpoints

MAX_SECONDS = 0.1
WITH_BODY = {name: it for name, it in endpoints().items() if it.body is not None}
DEEP_ARRAY = b"[" * 31 + b"]" * 31
DEEP_OBJECT = b'{"a":' * 31 + b"1" + b"}" * 31


def filled(
    value: bytes, before: bytes = b"[", after: bytes = b"]", size: int = MAX_BODY_BYTES
) -> bytes:
    """Return a list of one repeated value, of about this many bytes."""
    times = (size - len(before) - len(after)) // (len(value) + 1)
    return before + b",".join([value] * times) + after


def names(number: int) -> bytes:
    return b"{" + b",".join(b'"%d":""' % it for it in range(number)) + b"}"


def shapes() -> Iterator[tuple[str, bytes]]:
    yield "nested arrays", filled(DEEP_ARRAY)
    yield "nested objects", filled(DEEP_OBJECT)
    yield "empty arrays", filled(b"[]")
    yield "empty objects", filled(b"{}")
    yield "numbers", filled(b"0")
    yield "floats", filled(b"1.2345678901234567e-300")
    yield "long integers", filled(b"9" * 4000)
    yield "strings", filled(b'""')
    yield "strings of brackets", filled(b'"["')
    yield "one string of brackets", b'["' + b"[" * (MAX_BODY_BYTES - 4) + b'"]'
    yield "string without an end", b'["' + rb"\"" * (MAX_BODY_BYTES // 2 - 1)
    yield "escapes", b'["' + rb"\u00e9" * (MAX_BODY_BYTES // 6 - 1) + b'"]'
    yield "opening brackets", b"[" * MAX_BODY_BYTES
    yield "opening braces", b'{"":' * (MAX_BODY_BYTES // 4)
    yield "one long name", b'{"' + b"a" * (MAX_BODY_BYTES - 6) + b'":1}'
    yield "objects of many names", filled(names(200))
    yield "lines of many names", filled(names(200), b'{"items":[', b"]}")
    yield (
        "lines of many names, just few enough",
        filled(names(200), b'{"items":[', b"]}", size=MAX_TOKENS // 400 * len(names(200))),
    )
    yield "nested arrays, just few enough", filled(DEEP_ARRAY, size=MAX_TOKENS // 32 * 63)
    yield (
        "lines of numbers, just few enough",
        filled(b"0", b'{"items":[', b"]}", size=2 * MAX_TOKENS - 20),
    )


@pytest.mark.parametrize("body", [it for _, it in shapes()], ids=[it for it, _ in shapes()])
def test_invalid_body_costs_little_cpu_time(body: bytes) -> None:
    assert len(body) <= MAX_BODY_BYTES

    for name, endpoint in WITH_BODY.items():
        rejected(endpoint, b"[]")  # imports and objects of the first use are not measured
        status, seconds = rejected(endpoint, body)
        assert status in (400, 422), name
        assert seconds < MAX_SECONDS, name


@pytest.mark.parametrize(("number", "expected"), [(MAX_TOKENS, 422), (MAX_TOKENS + 1, 400)])
def test_values_are_counted_exactly(number: int, expected: int) -> None:
    # One bracket, and one comma less than numbers.
    body = b"[" + b",".join([b"0"] * number) + b"]"

    status, _ = rejected(WITH_BODY["sessions/create_session"], body)

    assert status == expected


def test_brackets_and_commas_in_texts_are_not_counted() -> None:
    text = b"[{," * MAX_TOKENS + rb"\"" * MAX_TOKENS
    body = b'{"email": "ada@example.com", "password": "' + text + b'", "more": 1}'

    status, _ = rejected(WITH_BODY["sessions/create_session"], body)

    assert status == 422


def rejected(endpoint: Any, body: bytes) -> tuple[int, float]:
    """Return the status and the CPU seconds of the request."""
    path = dict.fromkeys(endpoint.path_names.values(), ADMIN.id) | {
        "token": "x" * 43,
        "version": "1",
    }
    given = event(endpoint.route, path, raw=body, caller=ADMIN if endpoint.needs_caller else None)
    response, seconds = measured(lambda: endpoint(given, Context()))
    return response["statusCode"], seconds
