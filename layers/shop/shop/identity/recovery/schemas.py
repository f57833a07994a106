"""Recovery in the API."""

from typing import Annotated

from shop.email_addresses import EmailAddress
from shop.http.parameters import PathToken
from shop.http.response_models import ResponseModel
from shop.identity.password_fields import Password
from shop.schemas import Body

Token = Annotated[str, PathToken()]


class EmailVerificationCreate(Body):
    """An empty object: the address is the caller's."""


class PasswordResetCreate(Body):
    email: EmailAddress


class PasswordReset(Body):
    password: Password


class Accepted(ResponseModel):
    """An empty object: the result is sent by email."""
