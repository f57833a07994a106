"""GET /api/oauth-clients/{clientId}: read an OAuth client."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, NotFound
from shop.http.access import AdminCaller
from shop.oauth.clients.dependencies import OAuthClients
from shop.oauth.clients.parameters import ClientId
from shop.oauth.clients.responses import OAuthClientResponse


@endpoint("GET /api/oauth-clients/{clientId}", raises=(Forbidden, NotFound))
def handler(client_id: ClientId, caller: AdminCaller, clients: OAuthClients) -> OAuthClientResponse:
    """Read an OAuth client."""
    return OAuthClientResponse.of(clients.read(caller, client_id))
