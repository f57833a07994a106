"""Request bodies of authenticators and recovery codes."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from shop.http.request_models import MAX_TEXT, Body
from shop.identity.authenticators.models import DEFAULT_NAME
from shop.identity.password_fields import CurrentPassword
from shop.json_schema import JsonSchema
from shop.text import Name

# Any text, so that a malformed code is rejected, and counted, like a wrong one.
Code = Annotated[
    SecretStr,
    JsonSchema(
        maxLength=MAX_TEXT,
        description="of the authenticator app, or a recovery code",
        examples=["123456"],
    ),
]


class AuthenticatorCreate(Body):
    kind: Literal["totp"]
    current_password: CurrentPassword
    name: Annotated[Name, Field(examples=["My phone"])] = DEFAULT_NAME


class AuthenticatorConfirm(Body):
    code: Code


class RecoveryCodesReplace(Body):
    code: Code
