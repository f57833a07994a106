"""The authorizer's handler fails by itself before Lambda would end it."""

import time
from typing import Any

import pytest

from functions.authorizer import authorize
from tests.conftest import LogLines
from tests.requests import Context


class Patient:
    """Waits as the SDK does, which takes every failure for a reason to try again."""

    def decide(self, *asked: Any) -> dict[str, Any]:
        for _ in range(3):
            try:
                time.sleep(1)
            except Exception:
                continue
        raise AssertionError("nobody ended it")


def test_an_authorizer_that_is_out_of_time_raises_before_its_sandbox_is_ended(
    monkeypatch: pytest.MonkeyPatch, log: LogLines
) -> None:
    monkeypatch.setattr(authorize, "authorizer", Patient)
    started = time.monotonic()

    with pytest.raises(TimeoutError):
        authorize.handler(
            {"authorizationToken": "Bearer x.y.z", "methodArn": "arn"}, Context(milliseconds=600)
        )

    assert time.monotonic() - started < 0.5
    (line,) = log()
    assert (line["message"], line["reason"]) == ("not done", "out of time")
    assert 100 <= line["milliseconds"] < 500
