"""Responses of OAuth clients."""

from typing import Annotated, Self

from shop.http.pages import Page
from shop.http.response_fields import Id, NameRead, Timestamp
from shop.http.response_models import Resource, ResponseModel
from shop.json_schema import JsonSchema
from shop.oauth.clients.models import (
    MAX_REDIRECT_URIS,
    MAX_SECRETS,
    ClientSecret,
    ClientStatus,
    ClientType,
    GrantType,
    OAuthClient,
)
from shop.oauth.redirect_uris import MAX_LENGTH

_URI = {"format": "uri", "maxLength": MAX_LENGTH}


class ClientSecretResponse(ResponseModel):
    """A secret without its text."""

    id: Id
    created_at: Timestamp


class NewClientSecretResponse(ResponseModel):
    """A secret with its text, which no later response has."""

    id: Id
    secret: Annotated[
        str,
        JsonSchema(maxLength=100, examples=["shop_cs_MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"]),
    ]
    created_at: Timestamp

    @classmethod
    def of(cls, secret: ClientSecret, text: str) -> Self:
        return cls(id=secret.id, secret=text, created_at=secret.created_at)


class OAuthClientResponse(Resource):
    """A client; its id is the `client_id` of OAuth."""

    resource_name = "oauth_client"

    name: Annotated[NameRead, JsonSchema(examples=["Invoice robot"])]
    type: Annotated[ClientType, JsonSchema(examples=["confidential"])]
    homepage: Annotated[str | None, JsonSchema(**_URI, examples=["https://robot.example"])]
    redirect_uris: Annotated[
        list[Annotated[str, JsonSchema(**_URI, examples=["https://robot.example/callback"])]],
        JsonSchema(maxItems=MAX_REDIRECT_URIS),
    ]
    grant_types: Annotated[list[GrantType], JsonSchema(maxItems=len(GrantType))]
    scopes: Annotated[
        list[Annotated[str, JsonSchema(maxLength=100)]],
        JsonSchema(maxItems=100, examples=[["openid", "orders:read"]]),
    ]
    status: ClientStatus
    secrets: Annotated[list[ClientSecretResponse], JsonSchema(maxItems=MAX_SECRETS)]
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, client: OAuthClient) -> Self:
        return cls(
            id=client.id,
            name=client.name,
            type=client.type,
            homepage=client.homepage,
            redirect_uris=list(client.redirect_uris),
            grant_types=list(client.grant_types),
            scopes=list(client.scopes),
            status=client.status,
            secrets=[
                ClientSecretResponse(id=it.id, created_at=it.created_at) for it in client.secrets
            ],
            created_at=client.created_at,
            updated_at=client.updated_at,
            version=client.version,
        )


class OAuthClientPage(Page[OAuthClientResponse]):
    """A page of OAuth clients."""


class ClientSummary(ResponseModel):
    """The part of an OAuth client that users see."""

    id: Id
    name: Annotated[NameRead, JsonSchema(examples=["Invoice robot"])]
    homepage: Annotated[
        str | None,
        JsonSchema(format="uri", maxLength=MAX_LENGTH, examples=["https://robot.example"]),
    ]

    @classmethod
    def of(cls, client: OAuthClient) -> Self:
        return cls(id=client.id, name=client.name, homepage=client.homepage)
