"""PATCH /api/oauth-clients/{clientId}: change some fields of an OAuth client."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, NotFound, PreconditionFailed
from shop.http.access import AdminCaller
from shop.oauth.clients.dependencies import OAuthClients
from shop.oauth.clients.parameters import ClientId
from shop.oauth.clients.requests import OAuthClientUpdate
from shop.oauth.clients.responses import OAuthClientResponse
from shop.preconditions import Precondition


@endpoint("PATCH /api/oauth-clients/{clientId}", raises=(Forbidden, NotFound, PreconditionFailed))
def handler(
    client_id: ClientId,
    payload: OAuthClientUpdate,
    caller: AdminCaller,
    precondition: Precondition,
    clients: OAuthClients,
) -> OAuthClientResponse:
    """Change some fields of an OAuth client (JSON Merge Patch); tokens follow within 60 s."""
    return OAuthClientResponse.of(clients.update(caller, client_id, payload, precondition))
