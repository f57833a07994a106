"""Responses of authorizations."""

from typing import Annotated, Self

from shop.http.response_models import ResponseModel
from shop.json_schema import JsonSchema
from shop.oauth.authorizations.service import Authorization
from shop.oauth.clients.responses import ClientSummary
from shop.oauth.scopes import SCOPES


class ScopeResponse(ResponseModel):
    """A scope in words."""

    name: Annotated[str, JsonSchema(maxLength=100, examples=["orders:read"])]
    description: Annotated[str, JsonSchema(maxLength=200, examples=["See your orders"])]


class AuthorizationResponse(ResponseModel):
    """What to ask the user, or where to send the browser."""

    client: ClientSummary
    scopes: Annotated[list[ScopeResponse], JsonSchema(maxItems=len(SCOPES))]
    redirect_to: Annotated[
        str | None,
        JsonSchema(
            format="uri",
            maxLength=4 * 1024 * 1024,  # with a state of any length, percent-encoded
            description="null to ask the user first, then send the request again with `consent`",
            examples=[
                "https://robot.example/callback?code=shop_ac_AZ&iss=https%3A%2F%2Fshop.example"
            ],
        ),
    ]

    @classmethod
    def of(cls, authorization: Authorization) -> Self:
        return cls(
            client=ClientSummary.of(authorization.client),
            scopes=[
                ScopeResponse(name=name, description=SCOPES[name]) for name in authorization.scopes
            ],
            redirect_to=authorization.redirect_to,
        )
