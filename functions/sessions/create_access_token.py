"""POST /api/access-tokens: refresh the tokens of a session."""

from shop.caller import Client
from shop.entrypoints.http import endpoint
from shop.errors import Unauthorized
from shop.identity.access_tokens import LIFETIME
from shop.identity.sessions.dependencies import Sessions
from shop.identity.sessions.requests import AccessTokenCreate
from shop.identity.sessions.responses import TokenGrant


@endpoint("POST /api/access-tokens", status=201, raises=(Unauthorized,))
def handler(payload: AccessTokenCreate, client: Client, sessions: Sessions) -> TokenGrant:
    """Exchange a refresh token for new tokens; again within 30 s, for the same refresh token."""
    return TokenGrant.of(sessions.refresh(payload, client), expires_in=LIFETIME)
