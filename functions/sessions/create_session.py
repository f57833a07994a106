"""POST /api/sessions: log in."""

from shop.auth.access_tokens import LIFETIME
from shop.auth.caller import Client
from shop.endpoint import endpoint
from shop.errors import AccountInactive, InvalidCredentials, TooManyRequests
from shop.sessions.provide import Sessions
from shop.sessions.schemas import SessionCreate, TokenGrant


@endpoint(
    "POST /api/sessions",
    status=201,
    raises=(InvalidCredentials, AccountInactive, TooManyRequests),
)
def handler(wanted: SessionCreate, client: Client, sessions: Sessions) -> TokenGrant:
    """Log in with e-mail and password."""
    return TokenGrant.of(sessions.log_in(wanted, client), expires_in=LIFETIME)
