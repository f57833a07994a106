"""OAuth authorization code flow with PKCE: start a sign-in, and read its callback."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from shop_client._core import Call
from shop_client._errors import NoAnswer, ShopError
from shop_client.models import ServerMetadata, Token
from shop_client.tokens import AuthorizationCode, token_request


@dataclass(frozen=True)
class SignIn:
    """A started sign-in. A web application keeps it in the session of its user's browser."""

    url: str = field(repr=False)
    """The page of the API that the browser opens."""
    redirect_uri: str
    issuer: str
    state: str = field(repr=False)
    code_verifier: str = field(repr=False)


def started(client_id: str, metadata: ServerMetadata, *, redirect_uri: str, scope: str) -> SignIn:
    """Return a new sign-in (RFC 7636)."""
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    challenge = hashlib.sha256(verifier.encode()).digest()
    parameters = {
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": scope,
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    url = f"{metadata.authorization_endpoint}?{urlencode(parameters)}"
    return SignIn(url, redirect_uri, metadata.issuer, state, verifier)


def exchange(source: AuthorizationCode, sign_in: SignIn, callback_url: str) -> Call[Token]:
    """Return the request that exchanges the code of a callback for tokens.

    Raises: ShopError if the user or the API refused, NoAnswer for the callback of another server
    (RFC 9207) or sign-in.
    """
    found = {name: values[0] for name, values in parse_qs(urlsplit(callback_url).query).items()}
    expected = (sign_in.state, sign_in.issuer)
    if (found.get("state"), found.get("iss")) != expected or not found.keys() & {"code", "error"}:
        raise NoAnswer("The callback is no answer of the shop to this sign-in")
    if "code" not in found:
        raise ShopError(found.get("error_description", "Refused."), found["error"], 303, "")
    body = {
        "grant_type": "authorization_code",
        "code": found["code"],
        "code_verifier": sign_in.code_verifier,
        "redirect_uri": sign_in.redirect_uri,
    }
    return token_request(source.client_id, source.client_secret, body)
