"""POST /api/sessions: log in."""

from shop.caller import Client
from shop.entrypoints.http import endpoint
from shop.errors import (
    AccountInactive,
    CodeRequired,
    InvalidCode,
    InvalidCredentials,
    TooManyRequests,
)
from shop.identity.access_tokens import LIFETIME
from shop.identity.sessions.dependencies import Sessions
from shop.identity.sessions.requests import SessionCreate
from shop.identity.sessions.responses import TokenGrant


@endpoint(
    "POST /api/sessions",
    status=201,
    raises=(InvalidCredentials, CodeRequired, InvalidCode, AccountInactive, TooManyRequests),
)
def handler(payload: SessionCreate, client: Client, sessions: Sessions) -> TokenGrant:
    """Log in with email and password, and with a code if a second factor is on."""
    return TokenGrant.of(sessions.log_in(payload, client), expires_in=LIFETIME)
