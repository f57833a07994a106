"""OAuth in the document: its security scheme, and the errors and parameters of its protocols."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any  # JSON values

from shop.entrypoints.http import Endpoint
from shop.errors import BadRequest
from shop.oauth.authorizations.parameters import PARAMETERS, REQUIRED
from shop.oauth.scopes import SCOPES, is_for_admins
from tools.openapi.errors import shared_responses
from tools.openapi.headers import headers

AUTHORIZATION_PAGE = "GET /oauth/authorize"
MAX_PARAMETER = 2_000  # characters: the gateway limits the whole URL

type Schema = dict[str, Any]

_PARAMETER_DESCRIPTIONS: Mapping[str, str] = {
    "client_id": "the id of the client",
    "redirect_uri": "one of the client's redirect URIs",
    "response_type": "`code`",
    "scope": "scopes, separated by spaces",
    "state": "any text, which the redirect returns",
    "code_challenge": "SHA-256 of the code verifier, in base64url (RFC 7636)",
    "code_challenge_method": "`S256`",
    "nonce": "any text, which the ID token returns",
    "prompt": "`login` and `consent`; `none` is always `login_required`",
    "login_hint": "the email address that the page fills in",
}

# The codes of RFC 6749 for rejected forms, with one of their descriptions
_REJECTED: Mapping[str, str] = {
    "invalid_grant": "The code or token is not valid.",
    "invalid_request": "grant_type is missing.",
    "invalid_scope": "The grant does not include this scope.",
    "unauthorized_client": "The client may not use this grant_type.",
    "unsupported_grant_type": "This grant_type is not offered.",
}
_EXAMPLE = {"error": "invalid_grant", "error_description": _REJECTED["invalid_grant"]}
OAUTH_ERROR: Schema = {
    "OAuthError": {
        "type": "object",
        "description": "An error of the protocol endpoints (RFC 6749, 5.2).",
        "required": ["error", "error_description"],
        "properties": {
            "error": {
                "type": "string",
                "maxLength": 100,
                "description": "the machine-readable code of the standards",
                "examples": [_EXAMPLE["error"]],
            },
            "error_description": {
                "type": "string",
                "maxLength": 500,
                "description": "for developers; may change",
                "examples": [_EXAMPLE["error_description"]],
            },
        },
        "examples": [_EXAMPLE],
    }
}


_CLIENT = "0190a6b2-7c9e-7b1a-8f00-0000000000f1"
_CREDENTIALS = {"client_id": _CLIENT, "client_secret": "shop_cs_MKBCTN"}
# Of each form; the first one is in the sample event of its function.
FORM_EXAMPLES: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "TokenParameters": {
        "clientCredentials": {"grant_type": "client_credentials", **_CREDENTIALS},
        "code": {
            "grant_type": "authorization_code",
            "code": "shop_ac_AZCmsnyeexqP",
            "redirect_uri": "https://robot.example/callback",
            "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            "client_id": _CLIENT,
        },
        "refreshToken": {
            "grant_type": "refresh_token",
            "refresh_token": "shop_rt_AZCmsnye",
            "client_id": _CLIENT,
        },
    },
    "TokenReference": {"refreshToken": {"token": "shop_rt_AZCmsnye", **_CREDENTIALS}},
}


def security_scheme() -> Schema:
    """Return the scheme for third-party applications, with all scopes."""
    tokens = {"tokenUrl": "/oauth/token", "refreshUrl": "/oauth/token"}
    return {
        "type": "oauth2",
        "description": "OAuth 2.0 for third-party applications, with PKCE; access tokens are JWTs "
        "according to RFC8725",
        "flows": {
            "authorizationCode": {
                "authorizationUrl": "/oauth/authorize",
                **tokens,
                "scopes": dict(SCOPES),
            },
            "clientCredentials": {
                "tokenUrl": "/oauth/token",
                "scopes": {n: words for n, words in SCOPES.items() if is_for_admins(n)},
            },
        },
    }


def security_of(handler: Endpoint) -> list[Schema]:
    """Return the alternatives: a token of a session, or of an application with a scope.

    Without a scope, the application needs those of the fields that it selects.
    """
    scopes = [it for it in (handler.scope, handler.admin_scope) if it is not None]
    # Claims about the user are for applications alone.
    of_session: list[Schema] = [] if handler.scope == "openid" else [{"accessToken": []}]
    of_apps = [{"oauth2": [scope]} for scope in scopes] or [{"oauth2": []}]
    return [*of_session, *of_apps]


def form_errors() -> Schema:
    """Return the errors of a form: the protocol's, and of the gateway the API's."""
    either = {"anyOf": [{"$ref": f"#/components/schemas/{it}"} for it in ("OAuthError", "Error")]}
    only = {"$ref": "#/components/schemas/OAuthError"}
    return {
        "400": _error(400, either, _REJECTED),
        "401": _error(401, only, {"invalid_client": "The client could not be authenticated."}),
    }


def _error(status: int, schema: Schema, errors: Mapping[str, str]) -> Schema:
    examples = {
        code: {"value": {"error": code, "error_description": text}} for code, text in errors.items()
    }
    return {
        "description": f"{HTTPStatus(status).phrase}, by the codes of RFC 6749",
        "headers": headers("X-Request-Id", "Cache-Control", "Access-Control-Allow-Origin"),
        "content": {"application/json": {"schema": schema, "examples": examples}},
    }


def query_parameters() -> list[Schema]:
    """Return the parameters of an authorization request."""
    return [
        {
            "name": name,
            "in": "query",
            "description": _PARAMETER_DESCRIPTIONS[name],
            "required": name in REQUIRED,
            "schema": {"type": "string", "maxLength": MAX_PARAMETER, "examples": [example]},
        }
        for name, example in PARAMETERS.items()
    ]


def page_responses() -> Schema:
    """Return the responses of the authorization endpoint other than its page."""
    location = {
        "description": "The redirect URI with an error and the state (RFC 6749, 4.1.2.1)",
        "required": True,
        "schema": {
            "type": "string",
            "maxLength": 10_000,
            "format": "uri",
            "examples": ["https://robot.example/callback?error=login_required"],
        },
    }
    common = headers("X-Request-Id", "Cache-Control", "Access-Control-Allow-Origin")
    page = {
        "schema": {"type": "string", "maxLength": 10_000},
        "examples": {"example": {"value": "<!doctype html>\n<title>Sign in</title>\n"}},
    }
    return {
        "303": {"description": HTTPStatus(303).phrase, "headers": common | {"Location": location}},
        "400": {
            "description": "Bad Request: without a registered redirect URI, a page for the user",
            "headers": common,
            "content": {"text/html": page} | shared_responses()[BadRequest.__name__]["content"],
        },
    }
