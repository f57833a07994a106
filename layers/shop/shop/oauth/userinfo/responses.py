"""The response of the userinfo endpoint."""

from typing import Annotated, Self

from shop.clock import to_epoch
from shop.json_schema import JsonSchema
from shop.oauth.protocol_models import ProtocolModel
from shop.oauth.userinfo.service import Claims


class UserInfo(ProtocolModel):
    """The id of the user, and the claims that the scopes `profile` and `email` add."""

    sub: Annotated[str, JsonSchema(format="uuid", maxLength=36)]
    name: Annotated[str | None, JsonSchema(maxLength=100, examples=["Ada Lovelace"])]
    updated_at: Annotated[
        int | None,
        JsonSchema(minimum=0, maximum=2**53, description="epoch seconds", examples=[1795348800]),
    ]
    email: Annotated[
        str | None, JsonSchema(format="email", maxLength=254, examples=["ada@example.com"])
    ]
    email_verified: Annotated[bool | None, JsonSchema(examples=[True])]

    @classmethod
    def of(cls, claims: Claims) -> Self:
        user = claims.user
        profile, email = "profile" in claims.scopes, "email" in claims.scopes
        return cls(
            sub=user.id,
            name=user.name if profile else None,
            updated_at=to_epoch(user.updated_at) if profile else None,
            email=user.email if email else None,
            email_verified=user.email_verified if email else None,
        )
