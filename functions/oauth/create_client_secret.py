"""POST /api/oauth-clients/{clientId}/secrets: create a secret of an OAuth client."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, NotFound, PublicClient
from shop.http.access import AdminCaller
from shop.oauth.clients.dependencies import OAuthClients
from shop.oauth.clients.parameters import ClientId
from shop.oauth.clients.requests import ClientSecretCreate
from shop.oauth.clients.responses import NewClientSecretResponse


@endpoint(
    "POST /api/oauth-clients/{clientId}/secrets",
    status=201,
    raises=(Forbidden, NotFound, PublicClient),
)
def handler(
    client_id: ClientId, payload: ClientSecretCreate, caller: AdminCaller, clients: OAuthClients
) -> NewClientSecretResponse:
    """Create a secret, and end the earlier ones; no later response has its text."""
    return NewClientSecretResponse.of(*clients.create_secret(caller, client_id, payload))
