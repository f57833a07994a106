"""PUT /api/email-verifications/{token}: confirm an address."""

from shop.entrypoints.http import endpoint
from shop.errors import NotFound
from shop.identity.recovery.dependencies import Recovery
from shop.identity.recovery.schemas import Token


@endpoint("PUT /api/email-verifications/{token}", raises=(NotFound,))
def handler(token: Token, recovery: Recovery) -> None:
    """Confirm the address that the token was mailed to, if it is the user's still."""
    recovery.verify(token)
