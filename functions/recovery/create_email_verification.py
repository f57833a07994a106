"""POST /api/email-verifications: ask for a link that confirms one's address."""

from shop.auth.caller import Caller, Client
from shop.endpoint import endpoint
from shop.errors import TooManyRequests
from shop.recovery.provide import Recovery
from shop.recovery.schemas import Accepted, EmailVerificationCreate


@endpoint("POST /api/email-verifications", status=202, raises=(TooManyRequests,))
def handler(
    _: EmailVerificationCreate, caller: Caller, client: Client, recovery: Recovery
) -> Accepted:
    """Mail a link to the address on file; nothing comes if it is verified already."""
    recovery.want_verification(caller, client)
    return Accepted()
