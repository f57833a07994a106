"""DELETE /api/grants/{clientId}: end the grant of an application."""

from shop.caller import Caller
from shop.entrypoints.http import endpoint
from shop.errors import NotFound
from shop.oauth.clients.parameters import ClientId
from shop.oauth.grants.dependencies import Grants


@endpoint("DELETE /api/grants/{clientId}", raises=(NotFound,))
def handler(client_id: ClientId, caller: Caller, grants: Grants) -> None:
    """End what you allow an OAuth client: refresh at once, access tokens within 60 s."""
    grants.end(caller, client_id)
