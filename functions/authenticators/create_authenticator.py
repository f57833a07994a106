"""POST /api/authenticators: enrol an authenticator app."""

from shop.caller import Caller, Client
from shop.entrypoints.http import endpoint
from shop.errors import AuthenticatorExists, InvalidCredentials, TooManyRequests
from shop.identity.authenticators.dependencies import Authenticators
from shop.identity.authenticators.requests import AuthenticatorCreate
from shop.identity.authenticators.responses import EnrolmentResponse


@endpoint(
    "POST /api/authenticators",
    status=201,
    raises=(InvalidCredentials, AuthenticatorExists, TooManyRequests),
)
def handler(
    payload: AuthenticatorCreate, caller: Caller, client: Client, authenticators: Authenticators
) -> EnrolmentResponse:
    """Enrol an authenticator app; a code confirms it within 10 minutes."""
    return EnrolmentResponse.of(authenticators.enrol(caller, payload, client))
