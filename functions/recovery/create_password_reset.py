"""POST /api/password-resets: request a password reset link."""

from shop.caller import Client
from shop.entrypoints.http import endpoint
from shop.errors import TooManyRequests
from shop.identity.recovery.dependencies import Recovery
from shop.identity.recovery.requests import PasswordResetCreate
from shop.identity.recovery.responses import Accepted


@endpoint("POST /api/password-resets", status=202, raises=(TooManyRequests,))
def handler(payload: PasswordResetCreate, client: Client, recovery: Recovery) -> Accepted:
    """Send a reset link to the address of an account; the response does not reveal if it exists."""
    recovery.request_password_reset(payload, client)
    return Accepted()
