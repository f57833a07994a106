"""Password fields of request bodies, with the rules of new passwords."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from shop.http.request_models import MAX_TEXT
from shop.identity import passwords
from shop.json_schema import JsonSchema
from shop.violations import violation

CurrentPassword = Annotated[
    SecretStr, JsonSchema(maxLength=MAX_TEXT, examples=["correct horse battery staple"])
]


def check_password(password: SecretStr, *, is_email: bool = False) -> SecretStr:
    error = passwords.password_violation(password.get_secret_value(), is_email)
    if error is not None:
        raise violation(*error)
    return password


Password = Annotated[
    SecretStr,
    Field(
        description=(
            "8 or more characters and at most 72 bytes in UTF-8, without NUL, after "
            "normalization to NFC; neither the email nor a commonly used password"
        ),
        examples=["a long walk by the river"],
        json_schema_extra={"minLength": 8, "maxLength": 72, "pattern": "^[^\\x00]*$"},
    ),
    AfterValidator(check_password),
]
