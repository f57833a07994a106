"""GET /api/oauth-clients: list OAuth clients."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, NotFound
from shop.http.access import AdminCaller
from shop.oauth.clients.dependencies import OAuthClients
from shop.oauth.clients.requests import OAuthClientListQuery
from shop.oauth.clients.responses import OAuthClientPage, OAuthClientResponse


@endpoint("GET /api/oauth-clients", raises=(Forbidden, NotFound))
def handler(
    query: OAuthClientListQuery, caller: AdminCaller, clients: OAuthClients
) -> OAuthClientPage:
    """List OAuth clients."""
    return OAuthClientPage.of(clients.list(caller, query), query, OAuthClientResponse.of)
