"""Responses of the token endpoints."""

from typing import Annotated, Literal, Self

from shop.http.response_models import ResponseModel
from shop.json_schema import JsonSchema
from shop.oauth.protocol_models import ProtocolModel
from shop.oauth.tokens.inspection import Inspection
from shop.oauth.tokens.service import ACCESS_LIFETIME, Tokens

_JWT = JsonSchema(maxLength=4096, examples=["eyJ0eXAiOiJhdCtqd3QifQ.eyJzdWIiOiIifQ.c2lnbmF0dXJl"])
_SCOPE = JsonSchema(maxLength=1000, examples=["openid orders:read"])


class TokenResponse(ProtocolModel):
    """Tokens (RFC 6749, 5.1)."""

    access_token: Annotated[str, _JWT]
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: Annotated[
        int, JsonSchema(minimum=1, maximum=86400, description="seconds", examples=[900])
    ]
    scope: Annotated[str, _SCOPE]
    refresh_token: Annotated[
        str | None, JsonSchema(maxLength=256, examples=["shop_rt_AZCmsnyeexqP"])
    ]
    id_token: Annotated[str | None, _JWT]

    @classmethod
    def of(cls, tokens: Tokens) -> Self:
        return cls(
            access_token=tokens.access_token,
            expires_in=int(ACCESS_LIFETIME.total_seconds()),
            scope=" ".join(tokens.scopes),
            refresh_token=tokens.refresh_token,
            id_token=tokens.id_token,
        )


class Revoked(ResponseModel):
    """An empty body: also for a token that is unknown or another client's (RFC 7009, 2.2)."""

    media_type = ""

    def as_text(self) -> str:
        return ""


class InspectionResponse(ProtocolModel):
    """The state of a token (RFC 7662, 2.2)."""

    active: bool
    scope: Annotated[str | None, _SCOPE]
    client_id: Annotated[str | None, JsonSchema(format="uuid", maxLength=36)]
    sub: Annotated[str | None, JsonSchema(format="uuid", maxLength=36)]
    iss: Annotated[str | None, JsonSchema(maxLength=500, examples=["https://shop.example"])]
    aud: Annotated[str | None, JsonSchema(maxLength=500, examples=["shop-api"])]
    exp: Annotated[int | None, JsonSchema(minimum=0, maximum=2**53, examples=[1795348800])]
    iat: Annotated[int | None, JsonSchema(minimum=0, maximum=2**53, examples=[1795347900])]
    jti: Annotated[str | None, JsonSchema(format="uuid", maxLength=36)]
    token_type: Annotated[str | None, JsonSchema(maxLength=20, examples=["Bearer"])]

    @classmethod
    def of(cls, inspection: Inspection | None) -> Self:
        """Return the members of a live token; of any other only that it is not active."""
        found = inspection or Inspection()
        return cls(active=inspection is not None, **found._asdict())
