"""POST /api/recovery-codes: replace the recovery codes."""

from shop.caller import Caller, Client
from shop.entrypoints.http import endpoint
from shop.errors import InvalidCode, NotFound, TooManyRequests
from shop.identity.authenticators.dependencies import Authenticators
from shop.identity.authenticators.requests import RecoveryCodesReplace
from shop.identity.authenticators.responses import RecoveryCodesResponse


@endpoint("POST /api/recovery-codes", status=201, raises=(InvalidCode, NotFound, TooManyRequests))
def handler(
    payload: RecoveryCodesReplace, caller: Caller, client: Client, authenticators: Authenticators
) -> RecoveryCodesResponse:
    """Replace your recovery codes; the earlier ones end."""
    return RecoveryCodesResponse.of(authenticators.replace_recovery_codes(caller, payload, client))
