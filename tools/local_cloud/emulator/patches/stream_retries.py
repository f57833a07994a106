"""What Lambda does with stream records that a function did not process."""

from dataclasses import dataclass
from typing import Any

# Any: stream records, and what a function answered.
Record = dict[str, Any]


@dataclass(frozen=True)
class Positioned:
    """A record, and where on its stream it is."""

    position: int
    record: Record

    @property
    def number(self) -> str:
        number: str = self.record["dynamodb"]["SequenceNumber"]
        return number


@dataclass(frozen=True)
class Attempt:
    """Records to invoke a function with, and what came of that before."""

    records: list[Positioned]
    retries: int = 0
    invocations: int = 0


@dataclass(frozen=True)
class Failure:
    """The first record that was not processed; ``reported`` if the function itself said so."""

    first: int
    reported: bool


def failure_of(answer: Any, sent: list[Positioned]) -> Failure | None:
    """What a function reports that was mapped with ReportBatchItemFailures; None: all went well.

    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """
    if answer is None:
        return None
    if not isinstance(answer, dict):
        return Failure(0, reported=False)
    failures = answer.get("batchItemFailures")
    if not failures:
        return None
    numbers = [it.number for it in sent]
    named = [str(it.get("itemIdentifier")) if isinstance(it, dict) else "" for it in failures]
    if not all(it in numbers for it in named):
        # Whatever names no record of the batch means all of it.
        return Failure(0, reported=False)
    return Failure(min(numbers.index(it) for it in named), reported=True)


def attempts_after(
    failed: Attempt, failure: Failure, maximum_retries: int, bisect: bool
) -> list[Attempt] | None:
    """What to try next, in order; None when the records are to be discarded.

    ``maximum_retries`` below 0 is for ever. Splitting a batch uses up no retry, and a function that
    got further has all its retries for the rest.
    """
    rest, invocations = failed.records[failure.first :], failed.invocations + 1
    if failure.first:
        return [Attempt(rest, 0, invocations)]
    if bisect and not failure.reported and len(rest) > 1:
        half = len(rest) // 2
        return [Attempt(it, failed.retries, invocations) for it in (rest[:half], rest[half:])]
    if 0 <= maximum_retries <= failed.retries:
        return None
    return [Attempt(rest, failed.retries + 1, invocations)]
