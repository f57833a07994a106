"""POST /api/password-resets: ask for a link that lets one choose a new password."""

from shop.caller import Client
from shop.entrypoints.http import endpoint
from shop.errors import TooManyRequests
from shop.identity.recovery.dependencies import Recovery
from shop.identity.recovery.schemas import Accepted, PasswordResetCreate


@endpoint("POST /api/password-resets", status=202, raises=(TooManyRequests,))
def handler(payload: PasswordResetCreate, client: Client, recovery: Recovery) -> Accepted:
    """Mail a link to the address, if somebody has it; the answer does not tell."""
    recovery.request_password_reset(payload, client)
    return Accepted()
