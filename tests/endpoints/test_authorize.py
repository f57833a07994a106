"""The authorizer's handler fails by itself before Lambda ends it."""

import time
from typing import Any

import pytest

from functions.authorizer import authorize
from tests.support.gateway_events import Context
from tests.support.log_lines import LogLines
from tests.support.waiting import HANG_SECONDS


class RetryingAuthorizer:
    """Wait like the SDK, which retries after every failure."""

    def decide(self, *asked: Any) -> dict[str, Any]:
        for _ in range(3):
            try:
                time.sleep(HANG_SECONDS)
            except Exception:
                raise AssertionError("it would be tried again") from None
        raise AssertionError("nobody ended it")


def test_authorizer_raises_before_the_lambda_timeout(
    monkeypatch: pytest.MonkeyPatch, log: LogLines
) -> None:
    monkeypatch.setattr(authorize, "authorizer", RetryingAuthorizer)

    with pytest.raises(TimeoutError):
        authorize.handler(
            {"authorizationToken": "Bearer x.y.z", "methodArn": "arn"}, Context(milliseconds=600)
        )

    (line,) = log()
    assert (line["message"], line["reason"]) == ("failed", "deadline exceeded")
    assert line["milliseconds"] >= 100
