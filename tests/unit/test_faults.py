"""Client errors for failing dependencies: a retryable 503, or a 500 for our own mistakes."""

import threading
import time
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ParamValidationError,
    ReadTimeoutError,
)

from shop.deadline import deadline
from shop.errors import ServiceUnavailable
from shop.http.rendering import as_shop_error
from shop.system.readiness import DependencyCheck
from tests.support.waiting import HANG_SECONDS


def client_error(code: str, status: int = 400) -> ClientError:
    # The part of botocore's response that is read.
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "GetItem")


@pytest.mark.parametrize(
    "error",
    [
        ConnectTimeoutError(endpoint_url="http://x"),
        ReadTimeoutError(endpoint_url="http://x"),
        EndpointConnectionError(endpoint_url="http://x"),
        ConnectionClosedError(endpoint_url="http://x"),
        client_error("ProvisionedThroughputExceededException"),
        client_error("ThrottlingException"),
        client_error("TransactionConflictException"),
        client_error("AccessDeniedException"),
        client_error("ExpiredTokenException"),
        client_error("ResourceNotFoundException"),
        client_error("ParameterNotFound"),
        client_error("InternalServerError", 500),
        client_error("SomethingNew", 503),
        # Errors of other services, and AWS errors for expired credentials or clock skew.
        client_error("AccessDenied", 403),
        client_error("ExpiredToken", 403),
        client_error("InvalidSignatureException"),
        client_error("RequestThrottled", 403),
        client_error("UnrecognizedClientException"),
        client_error("DecryptionFailure"),
        client_error("AWS.SimpleQueueService.NonExistentQueue"),
        client_error("400"),
    ],
    ids=repr,
)
def test_failing_dependency_is_a_retryable_503(error: Exception) -> None:
    actual = as_shop_error(error)

    assert (actual.status, actual.code, actual.retry_after) == (503, "SERVICE_UNAVAILABLE", 1)


@pytest.mark.parametrize(
    "error",
    [
        client_error("ValidationException"),
        client_error("TransactionCanceledException"),
        ParamValidationError(report="x"),
        KeyError("x"),
        ValueError(),
    ],
    ids=repr,
)
def test_own_mistake_is_500(error: Exception) -> None:
    assert as_shop_error(error).status == 500


def test_dependencies_are_checked_every_five_seconds_at_most() -> None:
    asked, now = [], [0.0]
    check = DependencyCheck({"database": lambda: asked.append(1)}, lambda: now[0])

    for second in (0, 1, 4.9):
        now[0] = second
        check.check()
    assert len(asked) == 1

    now[0] = 5
    check.check()
    assert len(asked) == 2


def test_dependencies_are_checked_in_parallel() -> None:
    everybody = threading.Barrier(2, timeout=HANG_SECONDS)
    check = DependencyCheck({"database": everybody.wait, "signing-key": everybody.wait})

    check.check()


def test_dependency_slower_than_the_request_is_named_and_not_checked_again_immediately() -> None:
    asked, now, end = [], [0.0], threading.Event()

    def hang() -> None:
        asked.append(1)
        now[0] += 9.5
        end.wait()

    check = DependencyCheck({"signing-key": lambda: None, "database": hang}, lambda: now[0])

    try:
        for _ in range(2):
            now[0] += 2
            with pytest.raises(ServiceUnavailable) as rejection, deadline(1):
                check.check()
            assert [detail.field for detail in rejection.value.details] == ["database"]
    finally:
        end.set()

    assert asked == [1]


def test_single_slow_dependency_is_named() -> None:
    check = DependencyCheck({"database": lambda: time.sleep(HANG_SECONDS)})

    with pytest.raises(ServiceUnavailable) as rejection, deadline(0.05):
        check.check()

    assert [detail.field for detail in rejection.value.details] == ["database"]


def test_silent_dependency_is_named_by_its_role() -> None:
    def broken() -> None:
        raise ConnectionError("table shop-users")

    check = DependencyCheck({"database": broken, "signing-key": lambda: None}, lambda: 0.0)

    for _ in range(2):
        with pytest.raises(ServiceUnavailable) as rejection:
            check.check()
        (detail,) = rejection.value.details
        assert detail.field == "database" and "shop-users" not in str(detail)
