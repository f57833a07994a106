"""Process of an execution environment: a bare interpreter with one function and its layers."""

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

# Importing typing would add milliseconds to each cold start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any, TextIO

    from _typeshed.importlib import PathEntryFinderProtocol

    # Any: events and responses are any JSON.
    Record = dict[str, Any]

# Lambda's limit for synchronous responses.
MAX_RESPONSE_BYTES = 6 * 1024 * 1024 + 100 * 1024
# Marks the end of an invocation's log, so the reader does not wait for more lines.
END_OF_LOG = "\0end-of-log"


def main() -> None:
    responses = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    # Output of a handler goes to the log; file descriptor 1 carries the protocol.
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    requests = _read_requests()
    setup = requests.get()
    sys.path[:0] = setup["path"]
    if setup["sources"]:
        _name_code_by_source(setup["path"], setup["sources"])
    if setup["debugpy"]:
        ready = {"status": "ready", "debug_port": _listen_for_debugger(setup["debugpy"])}
    else:
        ready = {"status": "ready"}
        sys.breakpointhook = _skip_breakpoints(setup["advice"])

    try:
        module, _, name = os.environ["_HANDLER"].rpartition(".")
        handler = getattr(importlib.import_module(module.replace("/", ".")), name)
    except BaseException as error:
        _respond(responses, _failure(error, "init-error"))
        return
    _respond(responses, ready)
    while True:
        _respond(responses, _invoke(handler, requests.get()))


def _read_requests() -> queue.SimpleQueue[Record]:
    """Read requests on a thread, so the end of standard input stops even a busy handler."""
    waiting: queue.SimpleQueue[Record] = queue.SimpleQueue()
    lines = os.fdopen(os.dup(0), "rb")
    # A handler that reads standard input (pdb does) gets end of file, not the next request.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 (never closed)

    def read() -> None:
        for line in lines:
            waiting.put(json.loads(line))
        os._exit(0)

    reader = threading.Thread(target=read, daemon=True)
    # Exempt this thread from a debugger that stops all threads.
    vars(reader).update(pydev_do_not_trace=True, is_pydev_daemon_thread=True)
    reader.start()
    return waiting


def _skip_breakpoints(advice: str) -> Callable[..., None]:
    """Return a ``breakpoint()`` that logs and continues, since standard input has no user."""

    def skip(*_: object, **__: object) -> None:
        frame = sys._getframe(1)
        place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        sys.stderr.write(f"breakpoint() at {place} is skipped. To stop there: {advice}\n")

    return skip


def _listen_for_debugger(site_packages: str) -> int:
    """Import only debugpy from ``site_packages``; return the port of its debug adapter."""
    sys.path.insert(0, site_packages)
    # Compiling debugpy takes seconds, so cache the bytecode.
    sys.dont_write_bytecode = False
    try:
        import debugpy
    finally:
        sys.dont_write_bytecode = True
        sys.path.remove(site_packages)

    debugpy.configure(subProcess=False)
    _, port = debugpy.listen(("127.0.0.1", 0))
    sys.breakpointhook = debugpy.breakpoint
    return int(port)


def _name_code_by_source(path: list[str], sources: list[str]) -> None:
    """Name source files in tracebacks and debuggers, in place of their copies in a package.

    A source file must have the relative path and the content of the copy, so line numbers match.
    """
    from importlib import machinery

    class Loader(machinery.SourceFileLoader):
        def get_code(self, fullname: str) -> CodeType | None:
            code, copy = super().get_code(fullname), self.get_filename(fullname)
            source = _find_source(copy, path, sources)
            return code if code is None or source is None else _with_filename(code, source)

    find = machinery.FileFinder.path_hook(
        (machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES),
        (Loader, machinery.SOURCE_SUFFIXES),
    )

    def hook(entry: str) -> PathEntryFinderProtocol:
        if not any(entry == it or entry.startswith(f"{it}/") for it in path):
            raise ImportError(entry)
        return find(entry)

    sys.path_hooks.insert(0, hook)


def _find_source(copy: str, path: list[str], sources: list[str]) -> str | None:
    relative = next(copy[len(it) :] for it in path if copy.startswith(f"{it}/"))
    for folder in sources:
        if os.path.isfile(folder + relative):
            with open(copy, "rb") as built, open(folder + relative, "rb") as edited:
                if built.read() == edited.read():
                    return folder + relative
    return None


def _with_filename(code: CodeType, filename: str) -> CodeType:
    constants = tuple(
        _with_filename(it, filename) if isinstance(it, type(code)) else it for it in code.co_consts
    )
    return code.replace(co_filename=filename, co_consts=constants)


def _invoke(handler: Callable[[object, Context], object], request: Record) -> Record:
    if request["trace_id"]:
        os.environ["_X_AMZN_TRACE_ID"] = request["trace_id"]
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    try:
        result = json.dumps(handler(request["event"], Context(request)))
    except BaseException as error:
        return _failure(error, "handler-error")
    if len(result) > MAX_RESPONSE_BYTES:
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


def _respond(responses: TextIO, response: Record) -> None:
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    sys.stderr.write(f"\n{END_OF_LOG}\n")
    sys.stderr.flush()
    responses.write(json.dumps(response) + "\n")
    responses.flush()


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
