"""PUT /api/authenticators/{authenticatorId}: confirm an authenticator app."""

from shop.caller import Caller, Client
from shop.entrypoints.http import endpoint
from shop.errors import AuthenticatorExists, InvalidCode, NotFound, TooManyRequests
from shop.identity.authenticators.dependencies import Authenticators
from shop.identity.authenticators.parameters import AuthenticatorId
from shop.identity.authenticators.requests import AuthenticatorConfirm
from shop.identity.authenticators.responses import RecoveryCodesResponse


@endpoint(
    "PUT /api/authenticators/{authenticatorId}",
    raises=(InvalidCode, NotFound, AuthenticatorExists, TooManyRequests),
)
def handler(
    authenticator_id: AuthenticatorId,
    payload: AuthenticatorConfirm,
    caller: Caller,
    client: Client,
    authenticators: Authenticators,
) -> RecoveryCodesResponse:
    """Turn the second factor on by a code; all other sessions end."""
    codes = authenticators.confirm(caller, authenticator_id, payload, client)
    return RecoveryCodesResponse.of(codes)
