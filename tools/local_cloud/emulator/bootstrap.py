"""A Lambda execution environment: a bare interpreter, a function and its layers, nothing else."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import queue
import sys
import threading
import time
import traceback

# typing itself would cost every cold start some milliseconds.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TextIO

    # Any: events and answers are whatever JSON holds.
    Record = dict[str, Any]

# Synchronous answers of Lambda end here; the message is AWS's.
ANSWER_BYTES = 6 * 1024 * 1024 + 100 * 1024
# Ends what one invocation wrote, so that its reader need not wait for more.
END_OF_LOG = "\0end-of-log"


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    # What a handler prints is log, and must not get into the protocol.
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    requests = _requests()
    sys.path[:0] = requests.get()["path"]

    try:
        module, _, name = os.environ["_HANDLER"].rpartition(".")
        handler = getattr(importlib.import_module(module.replace("/", ".")), name)
    except BaseException as error:
        _answer(answers, _failure(error, "init-error"))
        return
    _answer(answers, {"status": "ready"})
    while True:
        _answer(answers, _invoke(handler, requests.get()))


def _requests() -> queue.SimpleQueue[Record]:
    """Read standard input ahead, so that its end ends even a handler that is busy."""
    waiting: queue.SimpleQueue[Record] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin.buffer:
            waiting.put(json.loads(line))
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return waiting


def _invoke(handler: Callable[[object, Context], object], request: Record) -> Record:
    if request["trace_id"]:
        os.environ["_X_AMZN_TRACE_ID"] = request["trace_id"]
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    try:
        result = json.dumps(handler(request["event"], Context(request)))
    except BaseException as error:
        return _failure(error, "handler-error")
    if len(result) > ANSWER_BYTES:
        message = (
            f"Response payload size ({len(result)} bytes) exceeded maximum allowed payload size"
        )
        return {"status": "error", "type": "Function.ResponseSizeTooLarge", "message": message}
    return {"status": "ok", "result": result}


def _failure(error: BaseException, status: str) -> Record:
    kind, message = type(error).__name__, str(error)
    stack = "".join(traceback.format_tb(error.__traceback__)[1:])
    sys.stderr.write(f"[ERROR] {kind}: {message}\nTraceback (most recent call last):\n{stack}")
    return {"status": status, "type": kind, "message": message}


def _answer(answers: TextIO, answer: Record) -> None:
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    sys.stderr.write(f"\n{END_OF_LOG}\n")
    sys.stderr.flush()
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


class Context:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-context.html"""

    def __init__(self, request: Record) -> None:
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.invoked_function_arn = request["function_arn"]
        self.aws_request_id = request["request_id"]
        self.identity = None
        self.client_context = None
        self.tenant_id = None
        self._deadline = request["deadline"]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - time.time()) * 1000))


if __name__ == "__main__":
    main()
