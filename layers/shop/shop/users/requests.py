"""Request bodies and queries of users."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from shop.caller import Role
from shop.email_addresses import is_form_of
from shop.email_fields import EmailAddress
from shop.http.list_queries import ListQuery
from shop.http.request_models import UNSET, Body, Patch
from shop.identity.accounts.models import UserStatus
from shop.identity.password_fields import CurrentPassword, Password, check_password
from shop.search import is_caseless
from shop.text import Name
from shop.violations import violation

_NAMED = Field(examples=["Ada Lovelace"])
# JSON has strings, which strict mode would reject.
StatusIn = Annotated[UserStatus, Field(strict=False)]
RoleIn = Annotated[Role, Field(strict=False)]


class UserCreate(Body):
    email: EmailAddress
    name: Annotated[Name, _NAMED]
    password: Password

    @field_validator("password")
    @classmethod
    def _password_is_not_the_email(cls, password: SecretStr, others: ValidationInfo) -> SecretStr:
        email = others.data.get("email", "")  # absent if it is invalid
        return check_password(password, is_email=is_form_of(password.get_secret_value(), email))


class UserReplace(Body):
    email: EmailAddress
    name: Annotated[Name, _NAMED]
    status: StatusIn
    role: RoleIn
    current_password: CurrentPassword | None = None


class UserUpdate(Patch):
    email: EmailAddress = UNSET
    name: Annotated[Name, _NAMED] = UNSET
    status: StatusIn = UNSET
    role: RoleIn = UNSET
    current_password: CurrentPassword = UNSET


class PasswordChange(Body):
    current_password: CurrentPassword
    new_password: Password


class UserListQuery(ListQuery):
    status: UserStatus | None = None
    search: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=100,
            description=(
                "part of a name or email in any case: 2 or more characters, or one of a script "
                "without letter case"
            ),
            examples=["lovelace"],
        ),
    ] = None
    sort: Literal["createdAt", "-createdAt", "name", "-name", "email", "-email"] = "-createdAt"

    @field_validator("search")
    @classmethod
    def _search_is_long_enough(cls, search: str) -> str:
        if len(search) > 1 or is_caseless(search):
            return search
        message = "Must be at least 2 characters, or one of a script without letter case."
        raise violation("search_too_short", message)

    @field_validator("search")
    @classmethod
    def _search_is_sorted_by_time(cls, search: str, others: ValidationInfo) -> str:
        if others.data.get("sort", "createdAt").removeprefix("-") != "createdAt":
            raise violation("search_sort", "With search, sort must be createdAt or -createdAt.")
        return search
