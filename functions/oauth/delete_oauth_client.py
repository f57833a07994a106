"""DELETE /api/oauth-clients/{clientId}: delete an OAuth client."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, NotFound, PreconditionFailed
from shop.http.access import AdminCaller
from shop.oauth.clients.dependencies import OAuthClients
from shop.oauth.clients.parameters import ClientId
from shop.preconditions import Precondition


@endpoint("DELETE /api/oauth-clients/{clientId}", raises=(Forbidden, NotFound, PreconditionFailed))
def handler(
    client_id: ClientId, caller: AdminCaller, precondition: Precondition, clients: OAuthClients
) -> None:
    """Delete an OAuth client; its tokens end within 60 s."""
    clients.delete(caller, client_id, precondition)
