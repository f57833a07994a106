"""Users as the API speaks of them."""

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from shop.auth import passwords
from shop.auth.caller import Role
from shop.http.parameters import PathId
from shop.pagination import ListQuery, Page
from shop.schemas import ABSENT, LONGEST_TEXT, Body, Patch, Resource, Timestamp, shown
from shop.search import is_caseless
from shop.text import Name, NameRead
from shop.users.emails import EmailAddress, is_spelling_of
from shop.users.models import User, UserStatus

UserId = Annotated[str, PathId(me=True)]
StatusIn = Annotated[UserStatus, Field(strict=False)]  # a string in JSON, whatever strictness says
RoleIn = Annotated[Role, Field(strict=False)]
CurrentPassword = Annotated[
    SecretStr, shown(maxLength=LONGEST_TEXT, examples=["correct horse battery staple"])
]
Password = Annotated[
    SecretStr,
    Field(
        max_length=1024,
        description=(
            "8 or more characters and at most 72 bytes in UTF-8, without NUL; neither the e-mail "
            "nor a password that is commonly used"
        ),
        examples=["a long walk by the river"],
        # After pydantic's own, whose limit keeps what is absurd from being looked at.
        json_schema_extra={"minLength": 8, "maxLength": 72, "pattern": "^[^\\x00]*$"},
    ),
]


class UserCreate(Body):
    email: EmailAddress
    name: Name
    password: Password

    @model_validator(mode="after")
    def _password_is_good(self) -> Self:
        refuse_bad_password(self.password, self.email, "password")
        return self


class UserReplace(Body):
    email: EmailAddress
    name: Name
    status: StatusIn
    role: RoleIn
    current_password: CurrentPassword | None = None


class UserUpdate(Patch):
    email: EmailAddress = ABSENT
    name: Name = ABSENT
    status: StatusIn = ABSENT
    role: RoleIn = ABSENT
    current_password: CurrentPassword = ABSENT


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
    def _search_is_long_enough(cls, search: str | None) -> str | None:
        if search is None or len(search) > 1 or is_caseless(search):
            return search
        raise PydanticCustomError(
            "search_too_short",
            "Must be at least 2 characters, or one of a script without letter case.",
        )

    @model_validator(mode="after")
    def _search_is_sorted_by_time(self) -> Self:
        if self.search is not None and self.sorted_by != "createdAt":
            raise PydanticCustomError("search_sort", "with search, sort is createdAt or -createdAt")
        return self


class UserRead(Resource):
    email: Annotated[str, shown(format="email", maxLength=254, examples=["ada@example.com"])]
    name: NameRead
    status: UserStatus
    role: Role
    email_verified: bool
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, user: User) -> Self:
        return cls.model_validate(user, from_attributes=True)


class UserPage(Page[UserRead]):
    """A page of users."""


def refuse_bad_password(password: SecretStr, email: str, field: str) -> None:
    """Raises pydantic's error at `field`, without the password in it."""
    secret = password.get_secret_value()
    complaint = passwords.complaint(secret, is_spelling_of(secret, email))
    if complaint is not None:
        error = PydanticCustomError(*complaint)
        details = InitErrorDetails(type=error, loc=(field,), input="")
        raise ValidationError.from_exception_data("password", [details])
