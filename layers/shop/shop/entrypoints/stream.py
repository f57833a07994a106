"""The edge of a function that reads a table's stream: records in, those that failed out."""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any  # an event and its context are whatever Lambda sends

from shop.observability import logger
from shop.redaction import SanitizedError, safe_message
from shop.stream_records import Record
from shop.tracing import annotate, traced


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
            raise SanitizedError(safe_message(error)) from None
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
