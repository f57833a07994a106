"""Request bodies of recovery."""

from shop.email_fields import EmailAddress
from shop.http.request_models import Body
from shop.identity.password_fields import Password


class EmailVerificationCreate(Body):
    """An empty object: the address is the caller's."""


class PasswordResetCreate(Body):
    email: EmailAddress


class PasswordReset(Body):
    password: Password
