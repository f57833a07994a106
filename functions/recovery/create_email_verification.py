"""POST /api/email-verifications: ask for a link that confirms one's address."""

from shop.caller import Caller, Client
from shop.entrypoints.http import endpoint
from shop.errors import TooManyRequests
from shop.identity.recovery.dependencies import Recovery
from shop.identity.recovery.schemas import Accepted, EmailVerificationCreate


@endpoint("POST /api/email-verifications", status=202, raises=(TooManyRequests,))
def handler(
    _: EmailVerificationCreate, caller: Caller, client: Client, recovery: Recovery
) -> Accepted:
    """Mail a link to the address on file; nothing comes if it is verified already."""
    recovery.request_email_verification(caller, client)
    return Accepted()
