"""Logs of functions for the terminal: one line per request, errors with their traceback."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Any: log entries of functions.
Entry = dict[str, Any]

POLL_SECONDS = 0.1
# Fields that are equal on every line of a function, and are not shown.
ORIGIN = {"level", "message", "timestamp", "service", "location", "request_id", "cold_start"} | {
    *("function_name", "function_arn", "function_memory_size", "function_request_id"),
    *("xray_trace_id", "correlation_id", "sampling_rate"),
}
STACK = {"exception", "exception_name", "stack_trace"}


class Follower:
    """Follower of the emulator's log of invocations, on a thread until it is stopped."""

    def __init__(self, function_log: Path, write: Callable[[str], None]) -> None:
        self._function_log = function_log
        self._write = write
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="follow")

    def start(self) -> None:
        # Skip the log of seeding.
        self._from = self._function_log.stat().st_size
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=1)

    def _run(self) -> None:
        with self._function_log.open(encoding="utf-8") as log:
            log.seek(self._from)
            unfinished = ""
            while not self._stop.is_set():
                unfinished += log.readline()
                if not unfinished.endswith("\n"):
                    self._stop.wait(POLL_SECONDS)
                    continue
                for line in format_invocation(json.loads(unfinished)):
                    self._write(line)
                unfinished = ""


def format_invocation(invocation: Entry) -> Iterator[str]:
    """Yield the lines for an invocation ``{"time": milliseconds, "function": …, "lines": […]}``."""
    at = time.strftime("%H:%M:%S", time.localtime(invocation["time"] / 1000))
    plain: list[str] = []
    for line in invocation["lines"]:
        entry = _parse_entry(line)
        if entry is None:
            plain.append(line)
        else:
            yield f"{at}  {_format_entry(entry)}"
    if plain:
        yield f"{at}  {invocation['function']}\n" + "\n".join(f"    {it}" for it in plain)


def _parse_entry(line: str) -> Entry | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _format_entry(entry: Entry) -> str:
    if entry.get("message") == "request" and "status" in entry:
        parts = [
            f"{entry['status']}",
            "{:6} {}".format(*entry["route"].split(" ")),
            f"{entry.get('milliseconds', 0):.0f} ms",
        ]
        if entry.get("caller_id"):
            parts.append(f"caller {entry['caller_id']}")
        if entry.get("cold_start"):
            parts.append("cold")
        return "  ".join(parts)
    details = [
        f"{name}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in entry.items()
        if name not in ORIGIN | STACK
    ]
    first = "  ".join([f"{entry.get('level', 'INFO'):7} {entry.get('message', '')}", *details])
    stack = entry.get("exception")
    if not isinstance(stack, str):
        return first
    return "\n".join([first, *(f"    {line}" for line in stack.splitlines())])
