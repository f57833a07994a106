"""Retries of stream records, as in the documentation of Lambda."""

import pytest

from tools.local_cloud.emulator.patches.stream_retries import (
    BatchAttempt,
    Failure,
    StreamRecord,
    attempts_after,
    failure_of,
)

BATCH = [StreamRecord(it, {"dynamodb": {"SequenceNumber": str(100 + it)}}) for it in range(4)]
ERROR = Failure(0, reported=False)


def places(attempts: list[BatchAttempt] | None) -> list[list[int]] | None:
    if attempts is None:
        return None
    return [[it.position for it in attempt.records] for attempt in attempts]


@pytest.mark.parametrize(
    "response", [None, {}, {"batchItemFailures": None}, {"batchItemFailures": []}]
)
def test_response_without_failures_is_a_success(response: object) -> None:
    assert failure_of(response, BATCH) is None


@pytest.mark.parametrize(
    "failure",
    [
        {"itemIdentifier": ""},
        {"itemIdentifier": None},
        {"itemIdentifier": "99"},
        {"itemidentifier": "101"},
        "101",
    ],
)
def test_failure_with_an_unknown_id_is_the_whole_batch(failure: object) -> None:
    named = {"itemIdentifier": "102"}

    assert failure_of({"batchItemFailures": [named, failure]}, BATCH) == ERROR


def test_response_that_is_no_object_is_a_failure() -> None:
    assert failure_of("done", BATCH) == ERROR


def test_lowest_reported_record_is_the_next_start() -> None:
    response = {"batchItemFailures": [{"itemIdentifier": "103"}, {"itemIdentifier": "101"}]}

    assert failure_of(response, BATCH) == Failure(1, reported=True)


def test_records_after_progress_have_all_retries() -> None:
    [rest] = attempts_after(BatchAttempt(BATCH, 2, 3), Failure(1, True), 2, False) or []

    assert (places([rest]), rest.retries, rest.invocations) == ([[1, 2, 3]], 0, 4)


def test_batch_is_retried_up_to_the_maximum() -> None:
    attempt, tried = BatchAttempt(BATCH), 0
    while attempts := attempts_after(attempt, ERROR, 2, False):
        [attempt] = attempts
        tried += 1

    assert tried == 2
    assert attempt.invocations + 1 == 3


def test_retries_without_a_maximum_are_unlimited() -> None:
    assert places(attempts_after(BatchAttempt(BATCH, 10_000), ERROR, -1, False)) == [[0, 1, 2, 3]]


def test_bisection_uses_no_retry() -> None:
    halves = attempts_after(BatchAttempt(BATCH, 1), ERROR, 1, bisect=True)

    assert places(halves) == [[0, 1], [2, 3]]
    assert [it.retries for it in halves or []] == [1, 1]


def test_reported_failure_is_not_bisected() -> None:
    first = Failure(0, reported=True)

    assert places(attempts_after(BatchAttempt(BATCH), first, 1, bisect=True)) == [[0, 1, 2, 3]]
    assert attempts_after(BatchAttempt(BATCH, 1), first, 1, bisect=True) is None


def test_single_record_is_retried_and_then_discarded() -> None:
    single = BatchAttempt(BATCH[:1])

    assert places(attempts_after(single, ERROR, 1, bisect=True)) == [[0]]
    assert attempts_after(BatchAttempt(BATCH[:1], 1), ERROR, 1, bisect=True) is None
