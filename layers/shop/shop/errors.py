"""Errors for clients: status, code and message. Any layer raises them, entry points render them."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple


class Detail(NamedTuple):
    """The error of one field: `field` is a dotted path such as `body.items.0.quantity`."""

    field: str
    code: str
    message: str


class ShopError(Exception):
    """An error with an HTTP status, a code and a message that are part of the API.

    `retry_after` is in seconds and becomes the `Retry-After` header.
    """

    status: ClassVar[int]
    code: ClassVar[str]
    message: str

    def __init__(
        self,
        message: str | None = None,
        details: Sequence[Detail] = (),
        retry_after: int | None = None,
    ) -> None:
        self.message = message or self.message
        self.details = tuple(details)
        self.retry_after = retry_after
        super().__init__(self.message)


class BadRequest(ShopError):
    status, code = 400, "BAD_REQUEST"
    message = "The request is malformed."


class Unauthorized(ShopError):
    status, code = 401, "UNAUTHORIZED"
    message = "A valid access token is required."


class InvalidCredentials(ShopError):
    status, code = 401, "INVALID_CREDENTIALS"
    message = "Incorrect email or password."


class CodeRequired(ShopError):
    status, code = 401, "CODE_REQUIRED"
    message = "A second factor is on. Send a code of the authenticator app, or a recovery code."


class InvalidCode(ShopError):
    status, code = 401, "INVALID_CODE"
    message = "The code is wrong, expired or used."


class Forbidden(ShopError):
    status, code = 403, "FORBIDDEN"
    message = "You are not allowed to do this."


class InsufficientScope(ShopError):
    status, code = 403, "INSUFFICIENT_SCOPE"
    message = "The scope of the access token does not allow this."


class LoginTooOld(ShopError):
    status, code = 403, "LOGIN_TOO_OLD"
    message = "Log in again: this needs a session that began within the last 10 minutes."


class AccountInactive(ShopError):
    status, code = 403, "ACCOUNT_INACTIVE"
    message = "This account is inactive."


class NotFound(ShopError):
    status, code = 404, "NOT_FOUND"
    message = "Not found."


class EmailInUse(ShopError):
    status, code = 409, "EMAIL_IN_USE"
    message = "This email address is already in use."


class AuthenticatorExists(ShopError):
    status, code = 409, "AUTHENTICATOR_EXISTS"
    message = "An authenticator app is on already. Delete it first."


class PasskeyExists(ShopError):
    status, code = 409, "PASSKEY_EXISTS"
    message = "This passkey was added before."


class InvalidTransition(ShopError):
    status, code = 409, "INVALID_TRANSITION"
    message = "The order's status does not allow this change."


class InsufficientStock(ShopError):
    status, code = 409, "INSUFFICIENT_STOCK"
    message = "Not enough stock for the listed items."


class SkuInUse(ShopError):
    status, code = 409, "SKU_IN_USE"
    message = "This SKU is already in use."


class LastAdmin(ShopError):
    status, code = 409, "LAST_ADMIN"
    message = "At least one active admin is required."


class LimitReached(ShopError):
    status, code = 409, "LIMIT_REACHED"
    message = "The limit is reached. Delete another one first."


class PublicClient(ShopError):
    status, code = 409, "PUBLIC_CLIENT"
    message = "A public client has no secret."


class PreconditionFailed(ShopError):
    status, code = 412, "PRECONDITION_FAILED"
    message = "The resource has changed. Fetch it again and repeat the change."


class PayloadTooLarge(ShopError):
    status, code = 413, "PAYLOAD_TOO_LARGE"
    message = "The body is larger than 1 MiB."


class UnsupportedMediaType(ShopError):
    status, code = 415, "UNSUPPORTED_MEDIA_TYPE"
    message = "The body must be application/json."


class ValidationFailed(ShopError):
    status, code = 422, "VALIDATION_ERROR"
    message = "The request is not valid."


class IdempotencyKeyReused(ShopError):
    status, code = 422, "IDEMPOTENCY_KEY_REUSED"
    message = "This idempotency key was used with another body. Use a new key for a new request."


class ProductUnavailable(ShopError):
    status, code = 422, "PRODUCT_UNAVAILABLE"
    message = "The listed products are not available."


class CurrencyMismatch(ShopError):
    status, code = 422, "CURRENCY_MISMATCH"
    message = "All products of an order must have the same currency."


class TooManyRequests(ShopError):
    status, code = 429, "TOO_MANY_REQUESTS"
    message = "Too many requests. Try again later."


class InternalError(ShopError):
    status, code = 500, "INTERNAL_ERROR"
    message = "Internal server error. Include the request id when you report it."


class ServiceUnavailable(ShopError):
    status, code = 503, "SERVICE_UNAVAILABLE"
    message = "Temporarily unavailable. Try again, with the same idempotency key if you sent one."
