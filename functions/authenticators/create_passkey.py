"""POST /api/passkeys: add a passkey."""

from shop.caller import Caller
from shop.entrypoints.http import endpoint
from shop.errors import LimitReached, LoginTooOld, NotFound, PasskeyExists
from shop.identity.authenticators.responses import AuthenticatorResponse
from shop.identity.passkeys.dependencies import Passkeys
from shop.identity.passkeys.requests import PasskeyCreate


@endpoint(
    "POST /api/passkeys",
    status=201,
    raises=(LoginTooOld, NotFound, PasskeyExists, LimitReached),
)
def handler(payload: PasskeyCreate, caller: Caller, passkeys: Passkeys) -> AuthenticatorResponse:
    """Add a passkey, in a session that began within the last 10 minutes."""
    return AuthenticatorResponse.of(passkeys.register(caller, payload).authenticator)
