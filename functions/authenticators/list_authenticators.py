"""GET /api/authenticators: list the caller's authenticators."""

from shop.caller import Caller
from shop.entrypoints.http import endpoint
from shop.identity.authenticators.dependencies import Authenticators
from shop.identity.authenticators.responses import AuthenticatorPage


@endpoint("GET /api/authenticators")
def handler(caller: Caller, authenticators: Authenticators) -> AuthenticatorPage:
    """List your authenticator app and your passkeys, oldest first."""
    return AuthenticatorPage.of_all(authenticators.list(caller))
