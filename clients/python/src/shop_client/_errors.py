"""Errors: error responses of the API, and requests without a valid response."""

from __future__ import annotations

from collections.abc import Sequence

from shop_client.models import ErrorDetail


class ShopClientError(Exception):
    """Base class of the errors that a method of the client raises for a request."""

    may_be_done: bool
    """Whether the change may have been committed."""
    retry_after: float | None
    """Seconds before the next attempt, from `Retry-After`."""


class ShopError(ShopClientError):
    """An error response of the API. Branch on `code`; `docs/errors.md` explains each code."""

    def __init__(
        self,
        message: str,
        code: str,
        status: int,
        request_id: str,
        details: Sequence[ErrorDetail] = (),
        retry_after: float | None = None,
        may_be_done: bool = False,
    ) -> None:
        # The required arguments are `args`, so that the error can be pickled and copied.
        super().__init__(message, code, status, request_id, details)
        self.message = message
        self.code = code
        self.status = status
        self.request_id = request_id
        self.details = tuple(details)
        self.retry_after = retry_after
        self.may_be_done = may_be_done

    def __str__(self) -> str:
        return f"{self.status} {self.code}: {self.message} (request {self.request_id})"


class NoAnswer(ShopClientError):
    """No valid response of the API: lost, timed out, or from another server.

    The change may be committed or not.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message, retry_after)
        self.retry_after = retry_after
        self.may_be_done = True

    def __str__(self) -> str:
        return str(self.args[0])
