"""What a worker could not do goes back to Lambda so that one record leaves alone in the end."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from shop.entrypoints.stream import BatchFailed, stream_worker
from shop.stream_records import Record
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


def failing(*positions: int) -> Callable[[Sequence[Record]], Iterable[Record]]:
    def work(records: Sequence[Record]) -> Iterable[Record]:
        return [records[position] for position in positions]

    return work


def run(work: Callable[[Sequence[Record]], Iterable[Record]], *numbers: int) -> list[str]:
    event = {"Records": [record(number) for number in numbers]}
    answer = stream_worker(work)(event, Context())
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_a_record_has_its_table_key_and_images() -> None:
    image = {"id": {"S": "user 7"}, "version": {"N": "3"}}

    read = Record(record(7, NewImage=image))

    assert (read.table, read.sequence_number, read.key) == ("users", "7", {"id": "user 7"})
    assert read.before is None and read.after == {"id": "user 7", "version": 3}
    assert read.at == NOON


def test_an_image_that_cannot_be_read_fails_whoever_asks_for_it_and_nobody_else() -> None:
    image = {"id": {"S": "user 7"}, "request_id": {"S": "a request"}, "odd": {"XS": ["x"]}}

    read = Record(record(7, NewImage=image))

    assert (read.key, read.request_id) == ({"id": "user 7"}, "a request")
    assert read.before is None
    with pytest.raises(TypeError):
        _ = read.after


def test_what_is_done_is_not_sent_again() -> None:
    assert run(failing(), 1, 2, 3) == []


def test_what_failed_is_reported_and_what_came_before_is_done() -> None:
    assert run(failing(1, 2), 1, 2, 3) == ["2", "3"]


def test_a_batch_whose_first_record_fails_is_split_until_that_is_alone() -> None:
    with pytest.raises(BatchFailed):
        run(failing(0), 1, 2, 3)

    assert run(failing(0), 1) == ["1"]
