"""The log lines that the fixture `log` returns."""

from collections.abc import Callable
from typing import Any  # a log line is JSON

type LogLines = Callable[[], list[dict[str, Any]]]
