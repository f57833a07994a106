"""The edge of a function that reads a table's stream: records in, those that failed out."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, wraps
from typing import Any  # an event and its context are whatever Lambda sends

from shop.dynamo.codec import Item, decode
from shop.observability import logger
from shop.redaction import Failed, words_of
from shop.tracing import annotate, traced


class Record:
    """One change of one item: how it was and how it is, or None where it was not or is no more.

    Images are decoded when they are asked for, so that one that cannot be fails whoever works on
    its record, and not the batch.
    """

    def __init__(self, record: Mapping[str, Any]) -> None:
        change = record["dynamodb"]
        self.sequence_number: str = change["SequenceNumber"]
        self.stream: str = record["eventSourceARN"]
        self.table = self.stream.split("/")[1]
        self.key: Item = decode(change["Keys"])
        self._images: Mapping[str, Mapping[str, Any]] = change
        self.request_id: str | None = change.get("NewImage", {}).get("request_id", {}).get("S")
        # To the second, and the same however often the record comes.
        self.at = datetime.fromtimestamp(change["ApproximateCreationDateTime"], UTC)

    @cached_property
    def before(self) -> Item | None:
        return self._image("OldImage")

    @cached_property
    def after(self) -> Item | None:
        return self._image("NewImage")

    def _image(self, name: str) -> Item | None:
        return decode(self._images[name]) if name in self._images else None


class BatchFailed(Exception):
    """Nothing of the batch could be done, and it has several records: Lambda is to split it."""


type Work = Callable[[Sequence[Record]], Iterable[Record]]
type Handler = Callable[[dict[str, Any], Any], dict[str, list[dict[str, str]]]]


def stream_worker(work: Work) -> Handler:
    """A handler that answers Lambda with the records that `work` gives back.

    Lambda then sends the first of them again with all that came after it (ReportBatchItemFailures),
    and does not split that batch, which in the end would leave whole with the one that cannot be
    done. So where the very first fails, this fails, and BisectBatchOnFunctionError leads to a batch
    of that one record: only it leaves for the on-failure queue.
    """

    @traced("batch")
    @wraps(work)
    def handler(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
        began = time.monotonic()
        records = [Record(record) for record in event["Records"]]
        logger().append_keys(function_name=context.function_name)
        # A trace takes the first 27 of them.
        annotate(request_id=" ".join(_request_ids(records)) or None)
        try:
            failed = list(work(records))
        except Exception as error:
            logger().exception("not done", request_ids=_request_ids(records))
            raise Failed(words_of(error)) from None
        logger().info(
            "batch",
            function_request_id=context.aws_request_id,
            request_ids=_request_ids(records),
            records=len(records),
            failed=len(failed),
            milliseconds=round((time.monotonic() - began) * 1000, 1),
        )
        if failed and records[0] in failed and len(records) > 1:
            raise BatchFailed(f"the first of {len(records)} records failed")
        return {"batchItemFailures": [{"itemIdentifier": it.sequence_number} for it in failed]}

    return handler


def _request_ids(records: Iterable[Record]) -> list[str]:
    """Of the requests that led to them, as far as their items say."""
    return sorted({record.request_id for record in records if record.request_id})
