"""Errors that validators of requests raise."""

from pydantic_core import PydanticCustomError


def violation(code: str, message: str, field: str | None = None) -> PydanticCustomError:
    """Return an error for a validator to raise, with the message for clients.

    `field` is the alias of another field that the error is about, beside the validated one.
    """
    context = {"message": message} if field is None else {"message": message, "field": field}
    return PydanticCustomError(code, "{message}", context)
