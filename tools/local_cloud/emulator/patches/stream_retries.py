"""Retries of stream records, as Lambda decides them."""

from dataclasses import dataclass
from typing import Any

# Any: stream records, and responses of functions.
Record = dict[str, Any]


@dataclass(frozen=True)
class StreamRecord:
    """A record and its position on the stream."""

    position: int
    record: Record

    @property
    def number(self) -> str:
        number: str = self.record["dynamodb"]["SequenceNumber"]
        return number


@dataclass(frozen=True)
class BatchAttempt:
    """Records for one invocation, with the number of earlier retries and invocations."""

    records: list[StreamRecord]
    retries: int = 0
    invocations: int = 0


@dataclass(frozen=True)
class Failure:
    """The index of the first failed record; ``reported`` if the function named it."""

    first: int
    reported: bool


def failure_of(response: Any, sent: list[StreamRecord]) -> Failure | None:
    """Return the failure in a response to ReportBatchItemFailures, or None for success.

    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """
    if response is None:
        return None
    if not isinstance(response, dict):
        return Failure(0, reported=False)
    failures = response.get("batchItemFailures")
    if not failures:
        return None
    numbers = [it.number for it in sent]
    named = [str(it.get("itemIdentifier")) if isinstance(it, dict) else "" for it in failures]
    if not all(it in numbers for it in named):
        # A report with an unknown identifier fails the whole batch.
        return Failure(0, reported=False)
    return Failure(min(numbers.index(it) for it in named), reported=True)


def attempts_after(
    failed: BatchAttempt, failure: Failure, maximum_retries: int, bisect: bool
) -> list[BatchAttempt] | None:
    """Return the next attempts in order, or None to discard the records.

    ``maximum_retries`` below 0 is unlimited. Splitting a batch uses no retry. After progress, the
    remaining records have all retries again.
    """
    rest, invocations = failed.records[failure.first :], failed.invocations + 1
    if failure.first:
        return [BatchAttempt(rest, 0, invocations)]
    if bisect and not failure.reported and len(rest) > 1:
        half = len(rest) // 2
        return [BatchAttempt(it, failed.retries, invocations) for it in (rest[:half], rest[half:])]
    if 0 <= maximum_retries <= failed.retries:
        return None
    return [BatchAttempt(rest, failed.retries + 1, invocations)]
