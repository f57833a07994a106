"""The parameters of an authorization request in a query."""

from collections.abc import Mapping
from typing import Annotated

from shop.http.parameters import BoundEndpoint, Reader
from shop.http.request import Request
from shop.oauth.authorizations.rules import AuthorizationRequest

_NAMES = [name for name in AuthorizationRequest._fields if name != "repeated"]

# For the OpenAPI document: the parameters that may have an effect, with examples
REQUIRED = (
    *("client_id", "redirect_uri", "response_type", "scope"),
    *("code_challenge", "code_challenge_method"),
)
PARAMETERS: Mapping[str, str] = {
    "client_id": "0190a6b2-7c9e-7b1a-8f00-0000000000f1",
    "redirect_uri": "https://robot.example/callback",
    "response_type": "code",
    "scope": "openid orders:read",
    "state": "af0ifjsldkj",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
    "nonce": "n-0S6_WzA2Mj",
    "prompt": "consent",
    "login_hint": "ada@example.com",
}


class AuthorizationQuery:
    """Reads the query by the rules of OAuth: unknown parameters are ignored."""

    def bind(self, _endpoint: BoundEndpoint, _: str, /) -> Reader:
        return _read


def _read(request: Request) -> AuthorizationRequest:
    repeated = [detail.field.removeprefix("query.") for detail in request.repeated]
    sent = {name: request.query.get(name) or None for name in _NAMES}
    return AuthorizationRequest(**sent, repeated=repeated)


SentAuthorization = Annotated[AuthorizationRequest, AuthorizationQuery()]
