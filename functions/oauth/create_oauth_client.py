"""POST /api/oauth-clients: register an OAuth client."""

from shop.entrypoints.http import endpoint
from shop.errors import Forbidden, IdempotencyKeyReused, NotFound
from shop.http.access import AdminCaller
from shop.idempotency import IdempotentRequest
from shop.oauth.clients.dependencies import OAuthClients
from shop.oauth.clients.requests import OAuthClientCreate
from shop.oauth.clients.responses import OAuthClientResponse


@endpoint("POST /api/oauth-clients", status=201, raises=(Forbidden, NotFound, IdempotencyKeyReused))
def handler(
    payload: OAuthClientCreate,
    caller: AdminCaller,
    idempotency: IdempotentRequest,
    clients: OAuthClients,
) -> OAuthClientResponse:
    """Register an OAuth client, without a secret."""
    return OAuthClientResponse.of(clients.create(caller, payload, idempotency))
