"""GET /api/grants: list the applications that the caller allows."""

from shop.caller import Caller
from shop.entrypoints.http import endpoint
from shop.errors import NotFound
from shop.oauth.grants.dependencies import Grants
from shop.oauth.grants.responses import GrantPage


@endpoint("GET /api/grants", raises=(NotFound,))
def handler(caller: Caller, grants: Grants) -> GrantPage:
    """List the OAuth clients that you allow, newest first."""
    return GrantPage.of_all(grants.list(caller))
