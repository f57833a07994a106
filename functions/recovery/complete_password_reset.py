"""PUT /api/password-resets/{token}: choose a new password."""

from shop.auth.caller import Client
from shop.endpoint import endpoint
from shop.errors import NotFound
from shop.recovery.provide import Recovery
from shop.recovery.schemas import PasswordReset, Token


@endpoint("PUT /api/password-resets/{token}", raises=(NotFound,))
def handler(token: Token, wanted: PasswordReset, client: Client, recovery: Recovery) -> None:
    """Set a new password with the token that was mailed; all sessions end."""
    recovery.reset(token, wanted, client)
