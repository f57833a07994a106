"""POST /api/access-tokens: spend a refresh token."""

from shop.auth.access_tokens import LIFETIME
from shop.auth.caller import Client
from shop.endpoint import endpoint
from shop.errors import Unauthorized
from shop.sessions.provide import Sessions
from shop.sessions.schemas import AccessTokenCreate, TokenGrant


@endpoint("POST /api/access-tokens", status=201, raises=(Unauthorized,))
def handler(wanted: AccessTokenCreate, client: Client, sessions: Sessions) -> TokenGrant:
    """Change a refresh token for a new pair of tokens; sent again within 30 s, for the same."""
    return TokenGrant.of(sessions.refresh(wanted, client), expires_in=LIFETIME)
