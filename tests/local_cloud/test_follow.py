"""Format of function logs in the terminal."""

import json

import pytest

from tools.local_cloud.follow import format_invocation

REQUEST = {
    "level": "INFO",
    "message": "request",
    "timestamp": "2026-11-22T12:01:02.000Z",
    "service": "shop",
    "function_name": "shop-local-CreateUser",
    "cold_start": True,
    "request_id": "1",
    "route": "POST /api/users",
    "status": 201,
    "milliseconds": 34.2,
    "caller_id": "0190",
}


@pytest.mark.parametrize(
    ("more", "rest"),
    [
        ({}, "  caller 0190  cold"),
        ({"caller_id": None, "cold_start": False}, ""),
        # Metrics in the embedded metric format.
        ({"_aws": {}, "OrdersPlaced": 1}, "  caller 0190  cold"),
    ],
)
def test_request_is_one_line(more: dict[str, object], rest: str) -> None:
    [line] = _lines(json.dumps(REQUEST | more))

    assert line[8:] == "  201  POST   /api/users  34 ms" + rest


def test_error_has_its_traceback_below_it() -> None:
    error: dict[str, object] = {"level": "ERROR", "message": "unhandled exception", "a": 1}
    error["exception"] = "Traceback:\n  File"

    [line] = _lines(json.dumps(error))

    assert line[8:] == "  ERROR   unhandled exception  a=1\n    Traceback:\n      File"


def test_plain_text_is_shown_below_the_function_name() -> None:
    [line] = _lines("[ERROR] ValueError: no", "Traceback")

    assert line[8:] == "  CreateUser\n    [ERROR] ValueError: no\n    Traceback"


def _lines(*lines: str) -> list[str]:
    return list(
        format_invocation({"time": 0, "function": "CreateUser", "group": "http", "lines": lines})
    )
