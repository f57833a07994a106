"""Forms of the token endpoints."""

from typing import Annotated, NamedTuple

from shop.http.form import MAX_TEXT, Form
from shop.http.parameters import Header
from shop.json_schema import JsonSchema
from shop.oauth.errors import invalid_request
from shop.oauth.tokens.client_authentication import ClientCredentials, credentials_of
from shop.oauth.tokens.service import TokenRequest

_TEXT = JsonSchema(maxLength=MAX_TEXT)
Authorization = Annotated[str | None, Header("authorization")]


class TokenParameters(NamedTuple):
    """A grant, and the client unless it authenticates by `Authorization: Basic`."""

    grant_type: Annotated[str | None, _TEXT, JsonSchema(examples=["authorization_code"])]
    code: Annotated[str | None, _TEXT, JsonSchema(examples=["shop_ac_AZCmsnyeexqP"])] = None
    redirect_uri: Annotated[
        str | None, _TEXT, JsonSchema(examples=["https://robot.example/callback"])
    ] = None
    code_verifier: Annotated[
        str | None, _TEXT, JsonSchema(examples=["dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"])
    ] = None
    refresh_token: Annotated[str | None, _TEXT, JsonSchema(examples=["shop_rt_AZCmsnye"])] = None
    scope: Annotated[str | None, _TEXT, JsonSchema(examples=["orders:read"])] = None
    client_id: Annotated[
        str | None, _TEXT, JsonSchema(examples=["0190a6b2-7c9e-7b1a-8f00-0000000000f1"])
    ] = None
    client_secret: Annotated[str | None, _TEXT, JsonSchema(examples=["shop_cs_MKBCTN"])] = None

    def request(self) -> TokenRequest:
        return TokenRequest(
            self.grant_type,
            self.code,
            self.redirect_uri,
            self.code_verifier,
            self.refresh_token,
            self.scope,
        )

    def credentials(self, authorization: str | None) -> ClientCredentials:
        return credentials_of(authorization, self.client_id, self.client_secret)


class TokenReference(NamedTuple):
    """A token to revoke or inspect, and the client as for the token endpoint."""

    token: Annotated[str | None, _TEXT, JsonSchema(examples=["shop_rt_AZCmsnye"])]
    token_type_hint: Annotated[str | None, _TEXT, JsonSchema(examples=["refresh_token"])] = None
    client_id: Annotated[
        str | None, _TEXT, JsonSchema(examples=["0190a6b2-7c9e-7b1a-8f00-0000000000f1"])
    ] = None
    client_secret: Annotated[str | None, _TEXT, JsonSchema(examples=["shop_cs_MKBCTN"])] = None

    def credentials(self, authorization: str | None) -> ClientCredentials:
        return credentials_of(authorization, self.client_id, self.client_secret)


TokenForm = Annotated[
    TokenParameters, Form(TokenParameters, TokenParameters._fields, invalid_request)
]
ReferenceForm = Annotated[
    TokenReference, Form(TokenReference, TokenReference._fields, invalid_request)
]
