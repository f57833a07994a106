"""Errors of OAuth's own endpoints (RFC 6749, 5.2)."""

import json

from shop.http.protocol_errors import ProtocolError
from shop.http.response import Response

NO_STORE = {"Cache-Control": "no-store"}


class OAuthError(ProtocolError):
    """`error` is a code of the standards, `description` is ASCII without quotes and backslashes."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        self.error = error
        body = json.dumps({"error": error, "error_description": description})
        super().__init__(Response(status, NO_STORE, body), error)


def invalid_request(description: str) -> OAuthError:
    return OAuthError("invalid_request", description)


def invalid_client() -> OAuthError:
    return OAuthError("invalid_client", "The client could not be authenticated.", status=401)


def invalid_grant() -> OAuthError:
    """Return one error for every code and token that is unknown, expired, spent or another's."""
    return OAuthError("invalid_grant", "The code or token is not valid.")
