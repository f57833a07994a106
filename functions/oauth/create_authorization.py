"""POST /api/authorizations: allow an OAuth client, or learn what it asks for."""

from shop.caller import Caller
from shop.entrypoints.http import endpoint
from shop.errors import NotFound
from shop.oauth.authorizations.dependencies import Authorizations
from shop.oauth.authorizations.requests import AuthorizationCreate
from shop.oauth.authorizations.responses import AuthorizationResponse


@endpoint("POST /api/authorizations", raises=(NotFound,))
def handler(
    payload: AuthorizationCreate, caller: Caller, authorizations: Authorizations
) -> AuthorizationResponse:
    """Return what an OAuth client asks for; with `consent`, where the browser goes next."""
    return AuthorizationResponse.of(authorizations.create(caller, payload))
