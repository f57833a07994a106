"""The checks of an authorization request (RFC 6749, 4.1.2.1; RFC 7636; OpenID Connect Core, 3.1.2).

An error of the client goes back to it by a redirect. Without a registered redirect URI nobody may
be redirected, so the user sees the error.
"""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from shop.oauth.clients.models import GrantType, OAuthClient
from shop.oauth.redirect_uris import matches
from shop.oauth.scopes import SCOPES

MAX_NONCE_LENGTH = 2000  # characters
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # SHA-256 in base64url


class AuthorizationRequest(NamedTuple):
    """The parameters as sent; None for an absent or empty one."""

    client_id: str | None
    redirect_uri: str | None
    response_type: str | None = None
    scope: str | None = None
    state: str | None = None
    code_challenge: str | None = None
    code_challenge_method: str | None = None
    nonce: str | None = None
    prompt: str | None = None
    login_hint: str | None = None  # for the page
    response_mode: str | None = None
    request: str | None = None
    request_uri: str | None = None
    repeated: Collection[str] = ()  # names that were sent more than once


class NoRedirect(Exception):
    """Nobody may be redirected; `parameter` is `client_id` or `redirect_uri`."""

    def __init__(self, parameter: str, message: str) -> None:
        self.parameter = parameter
        self.message = message
        super().__init__(message)


class AuthorizationError(Exception):
    """An error for the client: a code of the standards, and a description in ASCII."""

    def __init__(self, error: str, description: str) -> None:
        self.error = error
        self.description = description
        super().__init__(error)


def check_redirect(request: AuthorizationRequest, client: OAuthClient | None) -> None:
    """Raise `NoRedirect` unless the client is active and the URI is one of its own."""
    for name in ("client_id", "redirect_uri"):
        if name in request.repeated:
            raise NoRedirect(name, f"{name} must be given once.")
    if request.client_id is None:
        raise NoRedirect("client_id", "client_id is missing.")
    if client is None or not client.is_active:
        raise NoRedirect("client_id", "This application is not registered.")
    sent = request.redirect_uri
    if sent is None:
        raise NoRedirect("redirect_uri", "redirect_uri is missing.")
    if not any(_matches(client, uri, sent) for uri in client.redirect_uris):
        raise NoRedirect("redirect_uri", "The redirect URI is not registered.")


def _matches(client: OAuthClient, registered: str, sent: str) -> bool:
    return matches(registered, sent) if client.is_public else registered == sent


def wanted_scopes(request: AuthorizationRequest, client: OAuthClient) -> Sequence[str]:
    """Check the remaining parameters, and return the scopes that the client asks for.

    Unknown scopes are ignored. Raise `AuthorizationError`.
    """
    _check_parameters(request)
    if GrantType.AUTHORIZATION_CODE not in client.grant_types:
        raise AuthorizationError("unauthorized_client", "The client may not use this grant.")
    _check_challenge(request)
    known = [it for it in dict.fromkeys((request.scope or "").split()) if it in SCOPES]
    if foreign := [it for it in known if it not in client.scopes]:
        raise AuthorizationError("invalid_scope", f"The client may not ask for {foreign[0]}.")
    if not known:
        raise AuthorizationError("invalid_scope", "Ask for at least one scope.")
    return known


def _check_parameters(request: AuthorizationRequest) -> None:
    if request.repeated:
        raise AuthorizationError("invalid_request", "A parameter is given more than once.")
    if request.request is not None:
        raise AuthorizationError("request_not_supported", "Send parameters instead of request.")
    if request.request_uri is not None:
        message = "Send parameters instead of request_uri."
        raise AuthorizationError("request_uri_not_supported", message)
    if request.response_type is None:
        raise AuthorizationError("invalid_request", "response_type is missing.")
    if request.response_type != "code":
        raise AuthorizationError("unsupported_response_type", "response_type must be code.")
    if request.response_mode not in (None, "query"):
        raise AuthorizationError("invalid_request", "response_mode must be query.")
    if len(request.nonce or "") > MAX_NONCE_LENGTH:
        raise AuthorizationError("invalid_request", "nonce is too long.")


def _check_challenge(request: AuthorizationRequest) -> None:
    if request.code_challenge is None:
        raise AuthorizationError("invalid_request", "code_challenge is missing.")
    if request.code_challenge_method != "S256":
        raise AuthorizationError("invalid_request", "code_challenge_method must be S256.")
    if _CHALLENGE.fullmatch(request.code_challenge) is None:
        raise AuthorizationError("invalid_request", "code_challenge is malformed.")


def check_prompt(request: AuthorizationRequest) -> bool:
    """Return whether consent must be asked; raise `AuthorizationError` for `none`.

    There are no cookies, so the server never knows the user without a login.
    """
    prompts = (request.prompt or "").split()
    if prompts == ["none"]:
        raise AuthorizationError("login_required", "The user must log in.")
    if "none" in prompts:
        raise AuthorizationError("invalid_request", "prompt=none excludes other prompts.")
    return "consent" in prompts


def redirect_with(request: AuthorizationRequest, issuer: str, **parameters: str) -> str:
    """Return the redirect URI with these parameters, the state, and the issuer (RFC 9207)."""
    state = {} if request.state is None else {"state": request.state}
    return f"{request.redirect_uri}?{urlencode({**parameters, **state, 'iss': issuer})}"


def redirect_with_error(
    request: AuthorizationRequest, issuer: str, error: AuthorizationError
) -> str:
    return redirect_with(request, issuer, error=error.error, error_description=error.description)
