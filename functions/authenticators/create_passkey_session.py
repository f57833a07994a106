"""POST /api/passkey-sessions: log in with a passkey."""

from shop.caller import Client
from shop.entrypoints.http import endpoint
from shop.errors import AccountInactive, InvalidCredentials, NotFound, TooManyRequests
from shop.identity.access_tokens import LIFETIME
from shop.identity.passkeys.dependencies import PasskeyLogins
from shop.identity.passkeys.requests import PasskeySessionCreate
from shop.identity.sessions.responses import TokenGrant


@endpoint(
    "POST /api/passkey-sessions",
    status=201,
    raises=(InvalidCredentials, AccountInactive, NotFound, TooManyRequests),
)
def handler(payload: PasskeySessionCreate, client: Client, logins: PasskeyLogins) -> TokenGrant:
    """Log in with a passkey, without a password or a code."""
    return TokenGrant.of(logins.log_in(payload, client), expires_in=LIFETIME)
