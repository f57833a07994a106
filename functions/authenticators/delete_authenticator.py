"""DELETE /api/authenticators/{authenticatorId}: delete an authenticator."""

from shop.caller import Caller
from shop.entrypoints.http import endpoint
from shop.errors import LoginTooOld, NotFound
from shop.identity.authenticators.dependencies import Authenticators
from shop.identity.authenticators.parameters import AuthenticatorId


@endpoint("DELETE /api/authenticators/{authenticatorId}", raises=(LoginTooOld, NotFound))
def handler(
    authenticator_id: AuthenticatorId, caller: Caller, authenticators: Authenticators
) -> None:
    """Delete an authenticator, in a session that began within the last 10 minutes."""
    authenticators.delete(caller, authenticator_id)
