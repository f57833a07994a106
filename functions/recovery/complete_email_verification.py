"""PUT /api/email-verifications/{token}: verify an email address."""

from shop.entrypoints.http import endpoint
from shop.errors import NotFound
from shop.identity.recovery.dependencies import Recovery
from shop.identity.recovery.parameters import Token


@endpoint("PUT /api/email-verifications/{token}", raises=(NotFound,))
def handler(token: Token, recovery: Recovery) -> None:
    """Verify the address that received the token, if it is still the user's."""
    recovery.verify(token)
