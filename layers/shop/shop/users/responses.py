"""Responses of users."""

from typing import Annotated, Self

from shop.caller import Role
from shop.http.pages import Page
from shop.http.response_fields import NameRead, Timestamp
from shop.http.response_models import Resource
from shop.identity.accounts.models import UserStatus
from shop.json_schema import JsonSchema
from shop.users.models import User


class UserResponse(Resource):
    resource_name = "user"

    email: Annotated[str, JsonSchema(format="email", maxLength=254, examples=["ada@example.com"])]
    name: Annotated[NameRead, JsonSchema(examples=["Ada Lovelace"])]
    status: UserStatus
    role: Role
    email_verified: bool
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, user: User) -> Self:
        return cls(
            id=user.id,
            email=user.email,
            name=user.name,
            status=user.status,
            role=user.role,
            email_verified=user.email_verified,
            created_at=user.created_at,
            updated_at=user.updated_at,
            version=user.version,
        )


class UserPage(Page[UserResponse]):
    """A page of users."""
