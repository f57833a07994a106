"""What may be said of an exception where it is kept: a word of ours, never of who sent what.

pydantic quotes what it refused, botocore the parameter, SES the address, `int` the text. So of an
exception that is not known to be harmless, only its class and where it was raised are told.
"""

import os
import sys
import traceback
from collections.abc import Iterator
from typing import Any  # the exceptions of libraries that need not be loaded

from shop.errors import ShopError


class SanitizedError(Exception):
    """Said in words of ours; also instead of what Lambda would log word for word."""


def safe_message(error: BaseException) -> str:
    """Its class, and what of its message is ours or a code."""
    name = type(error).__name__
    said = _said(error)
    return f"{name}: {said}" if said else name


def safe_traceback(error: BaseException) -> str:
    """As Python prints it, with what led to it first. The lines of source are the program's own."""
    parts = []
    for one in _chain(error):
        stack = "".join(traceback.format_tb(one.__traceback__))
        parts.append(f"Traceback (most recent call last):\n{stack}{safe_message(one)}")
    return "\n\n".join(reversed(parts))


def _said(error: Any) -> str:
    # Set by the local cloud for a developer's own machine; no template sets it.
    if os.environ.get("LOG_EXCEPTION_MESSAGES") == "true":
        return str(error)
    if isinstance(error, ShopError | SanitizedError):
        return str(error)
    # A library that is not loaded raised nothing, and to load it would cost a cold start.
    botocore: Any = sys.modules.get("botocore.exceptions")
    if botocore and isinstance(error, botocore.ClientError):
        return f"{error.operation_name} {error.response.get('Error', {}).get('Code', '')}"
    pydantic: Any = sys.modules.get("pydantic_core")
    if pydantic and isinstance(error, pydantic.ValidationError):
        details = error.errors(include_url=False, include_input=False, include_context=False)
        return ", ".join(_refusal(detail) for detail in details)
    return ""


def _refusal(detail: Any) -> str:
    """The kind, and the field if it is one of ours and not one that somebody made up."""
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
