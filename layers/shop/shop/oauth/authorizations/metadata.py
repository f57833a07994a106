"""The server's metadata (RFC 8414), which OpenID Connect's discovery serves under another name."""

from typing import TYPE_CHECKING, Annotated, Any  # lists of several kinds

from shop.http.parameters import PathName
from shop.json_schema import JsonSchema
from shop.oauth.clients.models import GrantType
from shop.oauth.issuer import issuer
from shop.oauth.protocol_models import ProtocolModel
from shop.oauth.scopes import SCOPES

if TYPE_CHECKING:
    from shop.http.request import Request

_NAMES = frozenset({"oauth-authorization-server", "openid-configuration"})
Document = Annotated[str, PathName(names=_NAMES)]

_URL = JsonSchema(format="uri", maxLength=500, examples=["https://shop.example/oauth/token"])
_TEXTS = Annotated[
    list[Annotated[str, JsonSchema(maxLength=100)]], JsonSchema(maxItems=100, examples=[["none"]])
]


class ServerMetadata(ProtocolModel):
    """The endpoints and abilities of this server."""

    issuer: Annotated[str, _URL]
    authorization_endpoint: Annotated[str, _URL]
    token_endpoint: Annotated[str, _URL]
    revocation_endpoint: Annotated[str, _URL]
    introspection_endpoint: Annotated[str, _URL]
    userinfo_endpoint: Annotated[str, _URL]
    jwks_uri: Annotated[str, _URL]
    scopes_supported: _TEXTS
    response_types_supported: _TEXTS
    response_modes_supported: _TEXTS
    grant_types_supported: _TEXTS
    token_endpoint_auth_methods_supported: _TEXTS
    revocation_endpoint_auth_methods_supported: _TEXTS
    introspection_endpoint_auth_methods_supported: _TEXTS
    code_challenge_methods_supported: _TEXTS
    subject_types_supported: _TEXTS
    id_token_signing_alg_values_supported: _TEXTS
    claims_supported: _TEXTS
    authorization_response_iss_parameter_supported: bool
    claims_parameter_supported: bool
    request_parameter_supported: bool
    request_uri_parameter_supported: bool

    def headers(self, request: "Request") -> dict[str, str]:  # noqa: ARG002
        return {}


def server_metadata() -> ServerMetadata:
    """Return the metadata of the issuer; raise `NotFound` while OAuth is off."""
    url = issuer()
    with_secret = ["client_secret_basic", "client_secret_post"]
    fields: dict[str, Any] = {
        "issuer": url,
        "authorization_endpoint": f"{url}/oauth/authorize",
        "token_endpoint": f"{url}/oauth/token",
        "revocation_endpoint": f"{url}/oauth/revoke",
        "introspection_endpoint": f"{url}/oauth/introspect",
        "userinfo_endpoint": f"{url}/oauth/userinfo",
        "jwks_uri": f"{url}/.well-known/jwks.json",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [it.value for it in GrantType],
        "token_endpoint_auth_methods_supported": ["none", *with_secret],
        "revocation_endpoint_auth_methods_supported": ["none", *with_secret],
        "introspection_endpoint_auth_methods_supported": with_secret,
        "code_challenge_methods_supported": ["S256"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "claims_supported": [
            *("iss", "aud", "sub", "iat", "exp", "auth_time", "nonce"),
            *("name", "updated_at", "email", "email_verified"),
        ],
        "authorization_response_iss_parameter_supported": True,
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,  # an absent member means true
    }
    return ServerMetadata(**fields)
