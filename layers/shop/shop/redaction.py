"""Redact exceptions before logging: keep error codes and our own messages, drop user input.

pydantic quotes the rejected input, botocore the parameter, SES the address, `int` the text. So any
exception that is not known to be safe is reduced to its class and its traceback.
"""

import os
import sys
import traceback
from collections.abc import Iterator
from typing import Any  # the exceptions of libraries that need not be loaded

from shop.errors import ShopError


class SanitizedError(Exception):
    """An error with a message of ours. Lambda logs the message of an exception as it is."""


def safe_message(error: BaseException) -> str:
    """Return the class of an error, and the safe part of its message."""
    name = type(error).__name__
    message = _message_of(error)
    return f"{name}: {message}" if message else name


def safe_traceback(error: BaseException) -> str:
    """Format as Python does, the cause first. Source lines are our own and contain no input."""
    parts = []
    for one in _chain(error):
        stack = "".join(traceback.format_tb(one.__traceback__))
        parts.append(f"Traceback (most recent call last):\n{stack}{safe_message(one)}")
    return "\n\n".join(reversed(parts))


def _message_of(error: Any) -> str:
    # Set by the local cloud for a developer's own machine; no template sets it.
    if os.environ.get("LOG_EXCEPTION_MESSAGES") == "true":
        return str(error)
    if isinstance(error, ShopError | SanitizedError):
        return str(error)
    # A library that is not loaded raised nothing, and loading it would slow down a cold start.
    botocore: Any = sys.modules.get("botocore.exceptions")
    if botocore and isinstance(error, botocore.ClientError):
        return f"{error.operation_name} {error.response.get('Error', {}).get('Code', '')}"
    pydantic: Any = sys.modules.get("pydantic_core")
    if pydantic and isinstance(error, pydantic.ValidationError):
        details = error.errors(include_url=False, include_input=False, include_context=False)
        return ", ".join(_violation(detail) for detail in details)
    return ""


def _violation(detail: Any) -> str:
    """Return the type and the field, unless the client made up the name of the field."""
    kind = str(detail["type"])
    if kind == "extra_forbidden":
        return kind
    return " ".join([".".join(str(part) for part in detail["loc"]), kind]).strip()


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
