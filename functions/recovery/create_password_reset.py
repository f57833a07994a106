"""POST /api/password-resets: ask for a link that lets one choose a new password."""

from shop.auth.caller import Client
from shop.endpoint import endpoint
from shop.errors import TooManyRequests
from shop.recovery.provide import Recovery
from shop.recovery.schemas import Accepted, PasswordResetCreate


@endpoint("POST /api/password-resets", status=202, raises=(TooManyRequests,))
def handler(wanted: PasswordResetCreate, client: Client, recovery: Recovery) -> Accepted:
    """Mail a link to the address, if somebody has it; the answer does not tell."""
    recovery.want_reset(wanted, client)
    return Accepted()
