"""Recovery as the API speaks of it."""

from typing import Annotated

from shop.http.parameters import PathToken
from shop.schemas import Body, Reply
from shop.users.emails import EmailAddress
from shop.users.schemas import Password

Token = Annotated[str, PathToken()]


class EmailVerificationCreate(Body):
    """Nothing: the address is the caller's."""


class PasswordResetCreate(Body):
    email: EmailAddress


class PasswordReset(Body):
    password: Password


class Accepted(Reply):
    """Nothing yet: whatever comes of it comes by mail."""
