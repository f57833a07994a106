"""Request bodies of authorizations."""

from typing import Annotated, Literal

from pydantic import Field

from shop.http.request_models import MAX_TEXT, Body, IdIn
from shop.json_schema import JsonSchema
from shop.oauth.authorizations.rules import AuthorizationRequest

_ANY_TEXT = JsonSchema(maxLength=MAX_TEXT)


class AuthorizationCreate(Body):
    """An authorization request of OAuth, as the user's browser received it.

    Errors of the client are in the redirect, so its parameters may be any text.
    """

    client_id: IdIn
    redirect_uri: Annotated[str, _ANY_TEXT, Field(examples=["https://robot.example/callback"])]
    response_type: Annotated[str | None, _ANY_TEXT, Field(examples=["code"])] = None
    scope: Annotated[str | None, _ANY_TEXT, Field(examples=["openid orders:read"])] = None
    state: Annotated[str | None, _ANY_TEXT, Field(examples=["af0ifjsldkj"])] = None
    code_challenge: Annotated[
        str | None, _ANY_TEXT, Field(examples=["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"])
    ] = None
    code_challenge_method: Annotated[str | None, _ANY_TEXT, Field(examples=["S256"])] = None
    nonce: Annotated[str | None, _ANY_TEXT, Field(examples=["n-0S6_WzA2Mj"])] = None
    prompt: Annotated[str | None, _ANY_TEXT, Field(examples=["consent"])] = None
    consent: Annotated[
        Literal["given", "refused"] | None,
        Field(description="the user's answer; without it, the response says what to ask"),
    ] = None
    end_session: Annotated[
        bool, Field(description="whether the session of this request ends with the consent")
    ] = False

    def request(self) -> AuthorizationRequest:
        """Return the parameters; an empty one counts as absent."""
        return AuthorizationRequest(
            client_id=self.client_id,
            redirect_uri=self.redirect_uri or None,
            response_type=self.response_type or None,
            scope=self.scope or None,
            state=self.state or None,
            code_challenge=self.code_challenge or None,
            code_challenge_method=self.code_challenge_method or None,
            nonce=self.nonce or None,
            prompt=self.prompt or None,
        )
