"""PUT /api/password-resets/{token}: set a new password."""

from shop.caller import Client
from shop.entrypoints.http import endpoint
from shop.errors import NotFound
from shop.identity.recovery.dependencies import Recovery
from shop.identity.recovery.parameters import Token
from shop.identity.recovery.requests import PasswordReset


@endpoint("PUT /api/password-resets/{token}", raises=(NotFound,))
def handler(token: Token, payload: PasswordReset, client: Client, recovery: Recovery) -> None:
    """Set a new password with an emailed token; all sessions end."""
    recovery.reset(token, payload, client)
