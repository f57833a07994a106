"""PUT /api/email-verifications/{token}: confirm an address."""

from shop.endpoint import endpoint
from shop.errors import NotFound
from shop.recovery.provide import Recovery
from shop.recovery.schemas import Token


@endpoint("PUT /api/email-verifications/{token}", raises=(NotFound,))
def handler(token: Token, recovery: Recovery) -> None:
    """Confirm the address that the token was mailed to, if it is the user's still."""
    recovery.verify(token)
