"""POST /api/email-verifications: request a verification link."""

from shop.caller import Caller, Client
from shop.entrypoints.http import endpoint
from shop.errors import TooManyRequests
from shop.identity.recovery.dependencies import Recovery
from shop.identity.recovery.requests import EmailVerificationCreate
from shop.identity.recovery.responses import Accepted


@endpoint("POST /api/email-verifications", status=202, raises=(TooManyRequests,))
def handler(
    _: EmailVerificationCreate, caller: Caller, client: Client, recovery: Recovery
) -> Accepted:
    """Send a verification link to the caller's address; none if it is already verified."""
    recovery.request_email_verification(caller, client)
    return Accepted()
