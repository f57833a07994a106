"""Stream batches report failures so that a poison record is finally dead-lettered alone."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from shop.entrypoints.stream import BatchFailed, stream_worker
from shop.stream_records import StreamRecord
from tests.support.fixtures import NOON
from tests.support.gateway_events import Context

ARN = "arn:aws:dynamodb:eu-central-1:123456789012:table/users/stream/2026-11-22T12:00:00.000"


def record(number: int, **images: dict[str, Any]) -> dict[str, Any]:
    change = {
        "SequenceNumber": str(number),
        "ApproximateCreationDateTime": NOON.timestamp(),
        "Keys": {"id": {"S": f"user {number}"}},
        **images,
    }
    return {"eventSourceARN": ARN, "dynamodb": change}


def failing(*positions: int) -> Callable[[Sequence[StreamRecord]], Iterable[StreamRecord]]:
    def work(records: Sequence[StreamRecord]) -> Iterable[StreamRecord]:
        return [records[position] for position in positions]

    return work


def run(
    work: Callable[[Sequence[StreamRecord]], Iterable[StreamRecord]], *numbers: int
) -> list[str]:
    event = {"Records": [record(number) for number in numbers]}
    response = stream_worker(work)(event, Context())
    return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]


def test_record_has_its_table_key_and_images() -> None:
    image = {"id": {"S": "user 7"}, "version": {"N": "3"}}

    read = StreamRecord(record(7, NewImage=image))

    assert (read.table, read.sequence_number, read.key) == ("users", "7", {"id": "user 7"})
    assert read.before is None and read.after == {"id": "user 7", "version": 3}
    assert read.at == NOON


def test_unreadable_image_fails_its_readers_only() -> None:
    image = {"id": {"S": "user 7"}, "request_id": {"S": "a request"}, "odd": {"XS": ["x"]}}

    read = StreamRecord(record(7, NewImage=image))

    assert (read.key, read.request_id) == ({"id": "user 7"}, "a request")
    assert read.before is None
    with pytest.raises(TypeError):
        _ = read.after


def test_completed_batch_is_not_redelivered() -> None:
    assert run(failing(), 1, 2, 3) == []


def test_failed_record_is_reported_and_earlier_ones_are_completed() -> None:
    assert run(failing(1, 2), 1, 2, 3) == ["2", "3"]


def test_batch_with_a_failing_first_record_is_split() -> None:
    with pytest.raises(BatchFailed):
        run(failing(0), 1, 2, 3)

    assert run(failing(0), 1) == ["1"]
