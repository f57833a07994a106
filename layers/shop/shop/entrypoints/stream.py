"""Stream workers: functions that read the stream of a table and report failed records."""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any  # an event and its context come from Lambda

from shop.observability import logger
from shop.redaction import SanitizedError, safe_message
from shop.stream_records import StreamRecord
from shop.tracing import annotate, traced


class BatchFailed(Exception):
    """The first record of a batch failed, so Lambda must split the batch."""


type Work = Callable[[Sequence[StreamRecord]], Iterable[StreamRecord]]
type Handler = Callable[[dict[str, Any], Any], dict[str, list[dict[str, str]]]]


def stream_worker(work: Work) -> Handler:
    """Return a handler that reports the records that `work` returns to Lambda.

    Lambda redelivers from the first of them on (ReportBatchItemFailures), without splitting that
    batch: in the end, all of it would go to the on-failure queue. If the first record of the batch
    fails, the handler therefore raises. BisectBatchOnFunctionError then splits the batch until the
    record is alone, and only this record goes to the on-failure queue.
    """

    @traced("batch")
    @wraps(work)
    def handler(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
        began = time.monotonic()
        records = [StreamRecord(record) for record in event["Records"]]
        logger().append_keys(function_name=context.function_name)
        # An annotation has room for 27 ids.
        annotate(request_id=" ".join(_request_ids(records)) or None)
        try:
            failed = list(work(records))
        except Exception as error:
            logger().exception("failed", request_ids=_request_ids(records))
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


def _request_ids(records: Iterable[StreamRecord]) -> list[str]:
    """Return the ids of the requests that caused the records, where their items have them."""
    return sorted({record.request_id for record in records if record.request_id})
