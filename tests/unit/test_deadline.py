"""Request deadlines: abort work before the Lambda timeout and return a retryable 503."""

import time
from contextlib import suppress

import pytest

from shop.deadline import DeadlineExceeded, deadline
from shop.entrypoints.http import endpoint
from shop.http.response_models import ResponseModel
from tests.support.gateway_events import Context, event
from tests.support.log_lines import LogLines
from tests.support.waiting import HANG_SECONDS


class TextResponse(ResponseModel):
    text: str


def retrying_work() -> None:
    """Retry like the SDK, after every failure."""
    for _ in range(3):
        with suppress(Exception):
            time.sleep(HANG_SECONDS)


def test_work_ends_at_its_deadline_and_not_at_its_next_retry() -> None:
    tries = []

    def work() -> None:
        for number in range(3):
            tries.append(number)
            with suppress(Exception):
                time.sleep(HANG_SECONDS)

    with pytest.raises(DeadlineExceeded), deadline(0.05):
        work()

    assert tries == [0]


def test_expired_deadline_aborts_immediately() -> None:
    with pytest.raises(DeadlineExceeded), deadline(-1):
        retrying_work()


def test_finished_work_is_not_interrupted_later() -> None:
    with deadline(0.05):
        pass

    time.sleep(0.1)


def test_timed_out_request_gets_a_retryable_503_and_logs_its_position(
    log: LogLines,
) -> None:
    @endpoint("GET /api/open")
    def slow() -> TextResponse:
        retrying_work()
        return TextResponse(text="too late")

    response = slow(event("GET /api/open"), Context(milliseconds=550))

    assert response["statusCode"] == 503
    assert response["headers"]["Retry-After"] == "1"
    assert '"SERVICE_UNAVAILABLE"' in response["body"]
    assert any("retrying_work" in line.get("exception", "") for line in log())


def test_next_request_of_a_sandbox_has_its_own_deadline() -> None:
    @endpoint("GET /api/open")
    def quick() -> TextResponse:
        time.sleep(0.1)
        return TextResponse(text="in time")

    responses = [quick(event("GET /api/open"), Context(milliseconds=it)) for it in (510, 120_000)]

    assert [response["statusCode"] for response in responses] == [503, 200]
